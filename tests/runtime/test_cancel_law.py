"""Law 4 for any course of events: a durable actor whose turn was cancelled is as one that never got the message."""

from collections.abc import Sequence

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.address import Address
from runtime.store import MemoryStore
from runtime.system import System
from tests.runtime.cast import Keeper, Note, Run, Wait, keeper, keeping, play, settled

READ = 4.0
"""Seconds that a read takes: askers of a doomed turn leave in its midst."""


class SlowReads(MemoryStore):
    @override
    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        await trio.sleep(READ)
        return await super().get(actor, keys)


def doomed() -> Wait:
    """Never to its end: its asker leaves at the read, and all that it has said so far is undone."""

    async def step(self: Keeper) -> None:
        self.ctx.timer("doomed", 1.0, Note(text="a timer of it"))
        self.ctx.tell(self.ctx.me, Note(text="a tell of it"))
        await self.ctx.read(["n/000000"])
        self.note("behind the read")

    return Wait(step=step)


Step = tuple[str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["note", "note", "doomed", "tell", "rest"]), st.integers(0, 9)), max_size=15
)


def played(course: list[Step], *, cancels: bool) -> tuple[list[str], list[tuple[str, bytes]]]:
    """What memory and store hold in the end; with `cancels` the doomed turns are begun and cancelled, else left out."""
    found: list[tuple[list[str], list[tuple[str, bytes]]]] = []

    async def program(system: System) -> None:
        actor = keeper(system)
        for what, number in course:
            match what:
                case "note":
                    await actor.ask(Note(text=f"{number}"))
                case "tell":
                    await actor.tell(Note(text=f"told {number}"))
                case "doomed" if cancels:
                    with trio.move_on_after(READ / 2) as leaves:
                        await actor.ask(doomed())
                    assert leaves.cancelled_caught
                case _:
                    await settled()
        await trio.sleep(10)
        kept = await actor.ask(Run(step=lambda self: list(self.kept)))
        found.append((kept, await system.store.scan(actor.address, "")))

    play(program, store=SlowReads(), patterns=[keeping()])
    return found[0]


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_durable_actor_after_cancelled_turns_is_as_if_they_had_never_been(course: list[Step]) -> None:
    assert played(course, cancels=True) == played(course, cancels=False)
