"""A sender whose outputs wait for room: it goes on when they are accepted, and whoever speaks of it waits as long."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StopReason
from actors.address import Address
from actors.errors import DeadLettered
from actors.handlers import receive
from actors.mailbox import Overflow
from actors.ref import Ref
from actors.signals import Terminated
from runtime.cell import BLOCKED
from runtime.interceptors import RateLimiter, Scope
from runtime.store import MemoryStore
from runtime.store.port import Batch, Outcome
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, keeper, keeping, on_stage, rest, settled


class Narrow(Actor[Run | Wait | Note | Terminated]):
    """It writes down what it hears."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.heard.append(message.text)
        return len(self.heard)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        self.heard.append(message.reason)


def talk(to: Ref[Any], *texts: str, stop: bool = False) -> Run:
    def step(self: Any) -> None:
        for text in texts:
            self.ctx.tell(to, Note(text=text))
        if stop:
            self.ctx.stop()

    return Run(step=step)


@on_stage()
async def test_terminated_waits_for_what_the_ended_one_has_still_to_deliver(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Narrow, (heard,), capacity=1))
    watched = system.spawn(Spec(Player))
    await watcher.ask(Run(step=lambda self: self.ctx.watch(watched)))
    await watcher.tell(rest(5))
    await settled()
    await watched.ask(talk(watcher, "a", "b", "c", stop=True))
    await trio.sleep(30)
    assert heard == ["a", "b", "c", StopReason.STOP]


@on_stage()
async def test_a_successor_at_the_same_address_is_not_what_its_watchers_are_told_of(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Narrow, (heard,), capacity=1))
    late = system.spawn(Spec(Narrow, (list[Any](),), name="late"))
    first = system.spawn(Spec(Player, name="one"))
    await watcher.ask(Run(step=lambda self: self.ctx.watch(first)))
    await watcher.tell(rest(5))
    await settled()
    await first.ask(talk(watcher, "a", "b", stop=True))
    await settled()
    second = system.spawn(Spec(Player, name="one"))
    await late.ask(Run(step=lambda self: self.ctx.watch(second)))
    await trio.sleep(30)
    assert heard == ["a", "b", StopReason.STOP]
    assert await late.ask(Run(step=lambda self: self.heard)) == []
    await system.stop(second)
    await settled()
    assert await late.ask(Run(step=lambda self: self.heard)) == [StopReason.STOP]


class Slow(MemoryStore):
    """Its commits take a moment."""

    @property
    @override
    def immediate(self) -> bool:
        return False

    @override
    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        await trio.sleep(0.1)
        return self._write(batches)


@on_stage(patterns=[keeping()], store=Slow())
async def test_an_idle_actor_whose_outputs_find_no_room_behind_a_commit_takes_no_message(
    system: System,
) -> None:
    heard: list[Any] = []
    full = system.spawn(Spec(Narrow, (heard,), capacity=1))
    await full.tell(rest(200))
    await settled()

    def step(self: Any) -> None:
        self.note("x")
        for text in ("a", "b", "c"):
            self.ctx.tell(full, Note(text=text))

    await keeper(system).ask(Run(step=step))
    await trio.sleep(1)
    cell = system.router.cells[keeper(system).address]
    assert cell.status is BLOCKED
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper(system).ask, talk(full, "d"))
        await trio.sleep(150)  # much longer than it may be idle
        assert system.router.cells.get(cell.address) is cell
    await trio.sleep(100)
    assert heard == ["a", "b", "c", "d"]


@on_stage()
async def test_an_actor_that_begins_anew_is_still_blocked(system: System) -> None:
    heard: list[Any] = []
    full = system.spawn(Spec(Narrow, (heard,), capacity=1))
    sender = system.spawn(Spec(Player, name="s"))
    await full.tell(rest(10))
    await settled()

    await sender.ask(talk(full, "a", "b"))
    cell = system.router.cells[sender.address]
    assert cell.status is BLOCKED
    cell.parent.failed(cell, RuntimeError("from elsewhere"))  # as a pipe that cannot make its message does
    await trio.sleep(1)
    assert cell.incarnation == 2
    assert cell.status is BLOCKED
    await trio.sleep(20)
    assert heard == ["a", "b"]
    assert await sender.ask(Note(text="on it goes")) == 1


@on_stage()
async def test_a_message_that_waits_for_room_is_counted_by_a_rate_limiter_once(system: System) -> None:
    heard: list[Any] = []
    full = system.spawn(Spec(Narrow, (heard,), name="full", capacity=1))
    sender = system.spawn(Spec(Player))
    RateLimiter(Scope(full.address), system.clock.now, rate=0.0001, burst=4).install(system.router)
    await full.tell(rest(5))
    await settled()
    await sender.ask(talk(full, "a", "b", "c"))
    await trio.sleep(20)
    assert heard == ["a", "b", "c"]
    assert system.letters.counts == {}


@on_stage()
async def test_a_forward_behind_outputs_that_wait_is_counted_by_a_rate_limiter_once(system: System) -> None:
    full, sender = system.spawn(Spec(Narrow, ([],), capacity=1)), system.spawn(Spec(Player))
    target = system.spawn(Spec(Player, name="target"))
    RateLimiter(Scope(target.address), system.clock.now, rate=0.0001, burst=2).install(system.router)
    await full.tell(rest(5))
    await settled()

    def step(self: Player) -> Any:
        if self.ctx.address == target.address:
            return "answer"
        self.ctx.tell(full, Note(text="fills"))
        self.ctx.tell(full, Note(text="waits"))
        return self.ctx.forward(target)

    assert await sender.ask(Run(step=step)) == "answer"
    assert await target.ask(Note(text="the second")) == 1


@on_stage()
async def test_an_asker_whose_forward_waits_behind_other_outputs_is_told_that_nobody_takes_it(
    system: System,
) -> None:
    full, sender = system.spawn(Spec(Narrow, ([],), capacity=1)), system.spawn(Spec(Player))
    await full.tell(rest(5))
    await settled()

    def step(self: Player) -> Any:
        self.ctx.tell(full, Note(text="fills"))
        self.ctx.tell(full, Note(text="waits"))
        return self.ctx.forward(self.ctx.ref(Address("/nobody")))

    with pytest.raises(DeadLettered):
        await sender.ask(Run(step=step))


@on_stage()
async def test_a_forward_whose_asker_has_left_while_it_waited_for_room_is_no_dead_letter(
    system: System,
) -> None:
    full, sender = system.spawn(Spec(Narrow, ([],), capacity=1)), system.spawn(Spec(Player))
    await full.tell(rest(5))
    await settled()
    await full.tell(Note(text="fills"))
    with trio.move_on_after(1):
        await sender.ask(Run(step=lambda self: self.ctx.forward(full)))
    await system.stop(full)
    assert dict(system.letters.counts) == {"stopped": 1}  # what filled it
    assert await sender.ask(Note(text="on it goes")) == 1


@on_stage()
async def test_a_thousand_waiting_outputs_come_in_their_order_to_two_receivers(system: System) -> None:
    heard: list[Any] = []
    receivers = [system.spawn(Spec(Narrow, (heard,), capacity=3)) for _ in range(2)]
    sender = system.spawn(Spec(Player))
    for receiver in receivers:
        await receiver.tell(rest(5))
    await settled()

    def step(self: Any) -> None:
        for number in range(1_000):
            self.ctx.tell(receivers[number % 2], Note(text=f"{number}"))

    await sender.ask(Run(step=step))
    await trio.sleep(20)
    assert sorted(heard, key=int) == [str(number) for number in range(1_000)]
    for parity in (0, 1):
        mine = [int(text) for text in heard if int(text) % 2 == parity]
        assert mine == sorted(mine)


@on_stage()
async def test_a_receiver_that_refuses_does_not_hold_up_what_comes_behind(system: System) -> None:
    heard: list[Any] = []
    full = system.spawn(Spec(Narrow, (heard,), capacity=1))
    proud = system.spawn(Spec(Narrow, (heard,), capacity=1, overflow=Overflow.REFUSE))
    sender = system.spawn(Spec(Player))
    await full.tell(rest(5))
    await proud.tell(rest(10))
    await settled()

    def step(self: Any) -> None:
        for number, receiver in enumerate((full, full, proud, proud, full)):
            self.ctx.tell(receiver, Note(text=f"{number}"))

    await sender.ask(Run(step=step))
    await trio.sleep(20)
    assert heard == ["0", "1", "4", "2"]
    assert system.letters.counts == {"overflow": 1}


def done(_: Any) -> Note:
    return Note(text="done")


@pytest.mark.parametrize("by", ["pipe", "answer"])
def test_what_a_pipe_asks_comes_behind_what_its_turn_has_told(by: str) -> None:
    async def program(system: System) -> None:
        heard: list[Any] = []
        full = system.spawn(Spec(Narrow, (heard,), capacity=1))
        sender = system.spawn(Spec(Player))
        await full.tell(rest(5))
        await settled()

        def step(self: Any) -> Any:
            for text in ("a", "b", "c"):
                self.ctx.tell(full, Note(text=text))
            if by == "answer":
                return self.ctx.answer(lambda: full.ask(Note(text="asked")))
            return self.ctx.pipe(lambda: full.ask(Note(text="asked")), done)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.ask, Run(step=step))
            await trio.sleep(20)
            assert heard == ["a", "b", "c", "asked"]

    on_stage()(program)()


@on_stage()
async def test_a_pipe_that_waits_behind_outputs_goes_with_its_incarnation(system: System) -> None:
    heard: list[Any] = []
    full = system.spawn(Spec(Narrow, (heard,), capacity=1))
    sender = system.spawn(Spec(Player))
    await full.tell(rest(5))
    await settled()

    def step(self: Any) -> None:
        for text in ("a", "b"):
            self.ctx.tell(full, Note(text=text))
        self.ctx.pipe(lambda: full.ask(Note(text="asked")), done)

    await sender.ask(Run(step=step))
    cell = system.router.cells[sender.address]
    cell.parent.failed(cell, RuntimeError("from elsewhere"))
    await trio.sleep(20)
    assert heard == ["a", "b"]
