"""`keep_children`: a restarted actor finds the children of its last incarnation alive."""

from collections import Counter
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec, StopReason
from actors.address import Address
from actors.errors import ActorCrashed, ActorError, CommitFailed
from actors.ref import Ref
from actors.supervision import Backoff, Directive, Intensity
from runtime.store import Disk, MemoryStore
from runtime.system import System
from runtime.testing import simulated
from tests.runtime.cast import (
    Bang,
    Keeper,
    Lively,
    Note,
    Player,
    Run,
    crash,
    keeper,
    keeping,
    on_stage,
    settled,
    unlogged,
)
from tests.runtime.family import ForAll

SLOW = Backoff(first=20, jitter=0)


def children(self: Player) -> list[str]:
    return [ref.address.name for ref in self.ctx.children()]


async def parent_of(
    system: System, heard: list[str], child: dict[str, Any] | None = None, **policy: Any
) -> tuple[Ref[Any], list[Ref[Any]]]:
    """A parent that keeps its children, and the two that it has."""
    parent = system.spawn(Spec(Player, name="p", keep_children=True, **policy))

    def spawns(self: Player) -> list[Ref[Any]]:
        return [self.ctx.spawn(Spec(Lively, (heard, name), name=name, **(child or {}))) for name in "ab"]

    kept = await parent.ask(Run(step=spawns))
    await settled()
    heard.clear()
    return parent, kept


@on_stage()
async def test_children_that_are_kept_live_on_and_the_new_incarnation_finds_them(system: System) -> None:
    heard: list[str] = []
    parent, (a, _) = await parent_of(system, heard)
    for _ in range(2):
        with pytest.raises(ActorCrashed):
            await parent.ask(Run(step=crash))
        await a.ask(Note(text="at work meanwhile"))
        assert await parent.ask(Run(step=children)) == ["a", "b"]
    assert heard == ["at work meanwhile"] * 2


@on_stage()
async def test_the_new_incarnation_supervises_and_stops_them(system: System) -> None:
    heard: list[str] = []
    parent, (a, _) = await parent_of(system, heard)
    await parent.tell(Run(step=crash))
    await a.tell(Run(step=crash))
    await settled()
    assert heard == ["astopped CRASHED", "astarted Restarted"]
    heard.clear()
    await system.stop(parent)
    assert heard == ["bstopping STOP", "bstopped STOP", "astopping STOP", "astopped STOP"]


@on_stage()
async def test_they_are_kept_when_a_sibling_takes_their_parent_along(system: System) -> None:
    heard: list[str] = []
    above = system.spawn(Spec(ForAll))

    def spawns(self: Player) -> list[Ref[Any]]:
        return [self.ctx.spawn(Spec(Player)), self.ctx.spawn(Spec(Player, keep_children=True))]

    sibling, parent = await above.ask(Run(step=spawns))
    await parent.ask(Run(step=lambda self: self.ctx.spawn(Spec(Lively, (heard,), name="c")) and None))
    await settled()
    await sibling.tell(Run(step=crash))
    await settled()
    assert system.router.cells[parent.address].restarts == 1
    assert await parent.ask(Run(step=children)) == ["c"]
    assert heard == ["started Fresh"]


@on_stage()
async def test_a_parent_that_fails_of_its_children_keeps_none(system: System) -> None:
    heard: list[str] = []
    parent, (a, _) = await parent_of(system, heard, intensity=Intensity(0), backoff=SLOW)
    await parent.tell(Run(step=crash))
    await settled()
    await a.tell(Run(step=crash))
    await settled()
    assert sorted(heard) == ["astopped CRASHED", "bstopped CRASHED", "bstopping CRASHED"], (
        "before its backoff"
    )
    assert await parent.ask(Run(step=children)) == []
    assert system.router.cells[parent.address].restarts == 2


@on_stage()
async def test_a_child_that_escalates_while_its_parent_waits_ends_with_its_siblings(system: System) -> None:
    heard: list[str] = []
    escalates = {"directives": ((Bang, Directive.ESCALATE),)}
    parent, (a, _) = await parent_of(system, heard, escalates, backoff=SLOW)
    for _ in range(2):
        await parent.tell(Run(step=crash))
        await settled()
    await a.tell(Run(step=crash))
    assert await parent.ask(Run(step=children)) == []
    assert sorted(heard) == ["astopped CRASHED", "bstopped CRASHED", "bstopping CRASHED"]
    assert system.router.cells[parent.address].restarts == 2, "it was down already"
    again = await parent.ask(Run(step=lambda self: self.ctx.spawn(Spec(Lively, (heard, "a"), name="a"))))
    assert await again.ask(Note(text="a new one")) == len(heard)


@on_stage()
async def test_a_parent_that_is_stopped_while_it_waits_ends_them(system: System) -> None:
    heard: list[str] = []
    parent, _ = await parent_of(system, heard, backoff=SLOW)
    for _ in range(2):
        await parent.tell(Run(step=crash))
        await settled()
    assert heard == []
    await system.stop(parent)
    assert heard == ["bstopping STOP", "bstopped STOP", "astopping STOP", "astopped STOP"]


def test_a_commit_that_fails_takes_the_turns_own_child_and_leaves_the_others() -> None:
    heard: list[str] = []
    disk = Disk()

    def spawns(self: Keeper) -> None:
        self.note("row")
        self.ctx.spawn(Spec(Lively, (heard,), name=f"c{len(self.kept)}"))

    def spawns_in_vain(self: Keeper) -> None:
        spawns(self)
        disk.faults.full = True

    @on_stage(
        patterns=[keeping(Spec(Keeper, keep_children=True))],
        store=MemoryStore(disk, commit_time=lambda: 1.0),
        intensity=Intensity(9),
    )
    async def program(system: System) -> None:
        actor = keeper(system)
        await actor.ask(Run(step=spawns))
        with pytest.raises(CommitFailed):
            await actor.ask(Run(step=spawns_in_vain))
        await trio.sleep(10)
        assert await actor.ask(Run(step=lambda self: [ref.address.name for ref in self.ctx.children()])) == [
            "c1"
        ]
        assert Address(f"{actor.address}/c2") not in system.router.cells
        assert heard == ["started Fresh"]

    program()


class Counted(Player):
    """It counts how many of its name are alive."""

    def __init__(self, name: str, alive: Counter[str]) -> None:
        super().__init__()
        self.name = name
        self.alive = alive
        alive[name] += 1
        assert alive[name] == 1, "two incarnations at once"

    @override
    def stopped(self, reason: StopReason) -> None:
        self.alive[self.name] -= 1


def hires(self: Player, alive: Counter[str]) -> None:
    present = children(self)
    for name in "abc":
        if name not in present:
            backoff = Backoff(first=0.01, most=0.05)
            self.ctx.spawn(Spec(Counted, (name, alive), name=name, backoff=backoff))


async def strike(system: System, address: str) -> None:
    for _ in range(5):
        await trio.sleep(0.05 * system.entropy.fraction())
        with pytest.raises(ActorError):
            await system.ref(Address(address)).ask(Run(step=crash))


@simulated(seeds=40)
async def test_whatever_crashes_meanwhile_each_child_lives_once_and_nothing_is_left(system: System) -> None:
    alive: Counter[str] = Counter()
    hire = Run(step=lambda self: hires(self, alive))
    limit = Intensity(4, within=0.1)
    spec = Spec(Player, name="p", keep_children=True, backoff=Backoff(first=0.01), intensity=limit)
    with unlogged():
        top = system.spawn(Spec(Player, intensity=Intensity(1_000)))
        parent = await top.ask(Run(step=lambda self: self.ctx.spawn(spec)))
        await parent.ask(hire)
        async with trio.open_nursery() as nursery:
            for name in ("", "/a", "/b", "/c"):
                nursery.start_soon(strike, system, f"{parent.address}{name}")
        await trio.sleep(10)
        await parent.ask(hire)
        assert sorted(await parent.ask(Run(step=children))) == ["a", "b", "c"]
        await settled()
        assert alive == Counter("abc")
        await system.stop(parent)
        assert not +alive
