"""Law 11: of any two owners of an actor, what is committed is one sequence, and the loser's outputs never leave."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec
from actors.address import Address
from actors.durable import DurableActor, Put, Stored
from actors.errors import ActorError
from actors.handlers import receive
from actors.message import Message
from actors.testing.chance import Draws
from runtime.clock import VirtualClock
from runtime.lab.determinism import fixed_task_order
from runtime.pattern import Pattern
from runtime.store import Disk, MemoryStore
from runtime.system import System
from tests.runtime.cast import unlogged

pytestmark = pytest.mark.lab
HERE = Address("/ledger/one")


class Enter(Message[int]):
    text: str


class Ledger(DurableActor[Enter]):
    """Numbers what is entered, a row for each, and tells an ear. Nothing but the fence keeps two from one number."""

    def __init__(self, heard: list[tuple[int, str]]) -> None:
        self.heard = heard
        self.count = 0

    @override
    async def load(self, stored: Stored) -> None:
        self.count = len(await stored.scan(""))

    @receive(Enter)
    def on_enter(self, message: Enter) -> int:
        self.ctx.stage(Put(f"{self.count:06}", message.text.encode()))
        self.ctx.tell(self.ctx.ref(Address("/ear/one")), Enter(text=f"{self.count} {message.text}"))
        self.count += 1
        return self.count - 1


class Ear(DurableActor[Enter]):
    """Hears what a ledger has let out."""

    def __init__(self, heard: list[tuple[int, str]]) -> None:
        self.heard = heard

    @receive(Enter)
    def on_enter(self, message: Enter) -> int:
        number, _, text = message.text.partition(" ")
        self.heard.append((int(number), text))
        return 0


class TwoOwners:
    """Two systems over one disk, each with an ear of its own."""

    def __init__(self, seed: int) -> None:
        self.draws = Draws(seed)
        self.disk = Disk()
        self.heard: list[tuple[int, str]] = []
        self.answers: list[tuple[int, str]] = []
        self.lost = 0

    def system(self, clock: VirtualClock) -> System:
        ledger: Spec[Any] = Spec(Ledger, (self.heard,))
        ear: Spec[Any] = Spec(Ear, (self.heard,))
        patterns = [Pattern("two", {"ledger": lambda _: ledger, "ear": lambda _: ear})]
        store = MemoryStore(self.disk, clock=clock.now, commit_time=lambda: 0.001 * self.draws.below(4))
        return System(clock=clock, store=store, patterns=patterns)

    async def enters(self, system: System, name: str) -> None:
        for number in range(10):
            await trio.sleep(0.001 * self.draws.below(6))
            text = f"{name}{number}"
            try:
                self.answers.append((await system.ref(HERE).ask(Enter(text=text)), text))
            except ActorError:
                self.lost += 1

    async def main(self, clock: VirtualClock) -> None:
        async with self.system(clock) as one, self.system(clock) as two, trio.open_nursery() as nursery:
            for name, system in (("a", one), ("b", two), ("c", one), ("d", two)):
                nursery.start_soon(self.enters, system, name)

    def run(self, seed: int) -> None:
        clock = VirtualClock(autojump=True)
        with unlogged(), fixed_task_order(seed):
            trio.run(self.main, clock, clock=clock)


def test_two_owners_commit_one_sequence_and_the_loser_lets_nothing_out() -> None:
    lost = 0
    for seed in range(30):
        world = TwoOwners(seed)
        world.run(seed)
        rows = world.disk.of(HERE).rows
        kept = {(int(key), value.decode()) for key, value in rows.items()}
        numbers = [number for number, _ in sorted(kept)]
        assert numbers == list(range(len(rows))), f"seed {seed}: one sequence"
        assert set(world.answers) <= kept, f"seed {seed}: what was answered is there, under its number"
        assert set(world.heard) <= kept, f"seed {seed}: what was told is there"
        assert len(world.answers) == len(set(world.answers)), f"seed {seed}"
        assert len({text for _, text in kept}) == len(kept), f"seed {seed}: nothing twice"
        assert len(world.answers) + world.lost == 40, f"seed {seed}: each ask has ended"
        lost += world.lost
    assert lost, "no owner has ever lost: the test shows nothing"
