"""The time at which a ReliableActor is woken, and the ids that it has done something for."""

from typing import Any, ClassVar

import pytest
from typing_extensions import override

from actors import Address, Message, WakeAt, receive
from actors.durable import Stored, Woken
from actors.errors import (
    ActorError,
)
from actors.event_sourced import EventSourced
from actors.guarded import Reserved
from actors.outbox import Deliver, Delivered, Settled
from actors.records import Record
from actors.reliable import ReliableActor, Sends
from tests.actors.post import (
    BOARD,
    Note,
    alone,
    delivery,
)


class WakeMe(Message[None]):
    at: float | None
    to: Address | None = None


class Raw(Message[None]):
    pass


class Once(Message[bool]):
    name: str


class Clock(ReliableActor[WakeMe | Raw | Once]):
    sends: ClassVar[Sends] = (Note,)
    once_max = 3
    moves: ClassVar[bool] = True

    @override
    async def load(self, stored: Stored) -> None:
        self.woke: list[float] = []

    @override
    def woken(self) -> None:
        self.woke.append(self.ctx.now)
        if self.moves:
            self.wake_at(None)

    @receive(WakeMe)
    def on_wake_me(self, message: WakeMe) -> None:
        if message.to is not None:
            self.send(message.to, Note(text="a"))
        self.wake_at(message.at)

    @receive(Raw)
    def on_raw(self, message: Raw) -> None:
        self.ctx.stage(WakeAt(1.0))

    @receive(Once)
    def on_once(self, message: Once) -> bool:
        seen = self.seen(message.name)
        assert self.once(message.name) is not seen
        return seen

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...


def woke(clock: Any) -> list[float]:
    found: list[float] = clock.actor.woke
    return found


def test_the_store_wakes_at_the_earlier_of_the_users_time_and_the_outboxes() -> None:
    clock = alone(Clock)
    clock.ask(WakeMe(at=100.0))
    assert clock.stored.wake_at == 100
    clock.ask(WakeMe(at=100.0, to=BOARD), now=10)
    assert clock.stored.wake_at == 15
    clock.restart()
    clock.wake()
    assert (clock.stored.wake_at, woke(clock)) == (20, [])
    clock.ask(WakeMe(at=17.0))
    clock.wake()
    assert (clock.stored.wake_at, woke(clock)) == (22, [17])
    clock.advance(0)
    clock.run(Settled(to=BOARD, sequence=0, result=Delivered()))
    assert clock.stored.wake_at is None
    assert list(clock.stored.rows) == ["~outbox/head"]


def test_the_users_time_outlives_a_full_outbox() -> None:
    clock = alone(Clock)
    clock.ask(WakeMe(at=100.0, to=BOARD))
    clock.run(Settled(to=BOARD, sequence=0, result=Delivered()))
    assert clock.stored.wake_at == 100
    clock.wake()
    assert (woke(clock), clock.stored.wake_at) == ([100], None)


def test_a_time_that_woken_has_not_moved_is_not_staged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "moves", False)
    clock = alone(Clock)
    clock.ask(WakeMe(at=3.0, to=BOARD))
    assert clock.wake().staged == []
    assert clock.wake().staged == []
    assert woke(clock) == [3, 3]


def test_an_alarm_on_a_full_disk_is_tried_again_by_the_next() -> None:
    clock = alone(Clock)
    clock.ask(WakeMe(at=None, to=BOARD))
    clock.store_full = True
    turn = clock.wake()
    assert (turn.error, turn.refusal) == (None, None)
    clock.store_full = False
    clock.wake()
    assert clock.stored.wake_at == 10


@pytest.mark.parametrize("at", [float("inf"), float("nan")])
def test_a_time_is_finite(at: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        alone(Clock).ask(WakeMe(at=at))


def test_a_raw_alarm_is_refused_by_name() -> None:
    with pytest.raises(Reserved, match="wake_at"):
        alone(Clock).ask(Raw())


def test_an_id_comes_once_over_restarts_and_the_oldest_is_forgotten() -> None:
    clock = alone(Clock)
    assert [clock.ask(Once(name=name)) for name in ("a", "b", "a", "c")] == [False, False, True, False]
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in ("b", "d", "b", "d", "a")] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert len([key for key in clock.stored.rows if key.startswith("~once/")]) == 3
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in ("a", "d", "c")] == [True, True, True]


def test_a_ring_that_becomes_smaller_forgets_the_oldest_and_a_larger_one_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = alone(Clock)
    for name in "abc":
        clock.ask(Once(name=name))
    monkeypatch.setattr(Clock, "once_max", 2)
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in ("c", "b", "d")] == [True, True, False]
    monkeypatch.setattr(Clock, "once_max", 4)
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in ("d", "c")] == [True, True]


def test_an_actor_may_be_event_sourced_and_reliable() -> None:
    class Counted(Record):
        count: int = 0

    class Came(Record):
        pass

    class Tally(EventSourced[Note, Counted, Came], ReliableActor[Note]):
        @override
        def fresh(self) -> Counted:
            return Counted()

        @override
        def apply(self, state: Counted, event: Came) -> Counted:
            return Counted(count=state.count + 1)

        @receive(Note)
        def on_note(self, message: Note) -> int:
            self.persist(Came())
            return self.state.count

    tally = alone(Tally)
    for sequence in (0, 0, 1):
        tally.ask(delivery(sequence, "a"))
    tally.restart()
    assert tally.state == Counted(count=2)
    assert {Woken, Deliver, Note} <= Tally.handlers.keys()


def test_ids_of_many_pages_are_read_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.once.PAGE", 2)
    clock = alone(Clock)
    for name in "abc":
        clock.ask(Once(name=name))
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in "abc"] == [True, True, True]
