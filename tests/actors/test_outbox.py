"""What a ReliableActor keeps of what it has still to deliver, in a harness."""

from types import new_class
from typing import Any, ClassVar, cast

import pytest
from typing_extensions import override

from actors import Address, Message, receive
from actors.durable import Stored, Woken
from actors.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    BadSpec,
    DirtyRefusal,
    OutboxFull,
    StoreFull,
)
from actors.event_sourced import EventSourced
from actors.outbox import Deliver, Delivered, Refusal, Settled
from actors.records import BadRecord, Record, UnknownVersion, Upcasts
from actors.reliable import ReliableActor, Sends
from actors.testing import Asked, Piped
from runtime.store import Disk
from tests.actors.post import (
    BOARD,
    LOOK,
    Look,
    Note,
    NotWanted,
    Other,
    Post,
    PostOther,
    Sender,
    WithRef,
    alone,
    delivery,
    post,
    run,
)


def in_flight(turn: Any) -> int:
    return len([output for output in turn.outputs if isinstance(output, Piped)])


def test_one_delivery_to_a_target_is_under_way_at_a_time() -> None:
    sender = alone(Sender)
    assert in_flight(sender.run(Post(to=BOARD, texts=["a", "b"]))) == 1
    assert in_flight(sender.run(Post(to=BOARD, texts=["c"]))) == 0
    assert in_flight(sender.run(Settled(to=BOARD, sequence=0, result=Delivered()))) == 1
    assert in_flight(sender.run(Settled(to=BOARD, sequence=0, result=Delivered()))) == 0, (
        "an old one says nothing"
    )


FAILED: Any = ActorStopped("")


def test_what_fails_is_tried_again_later_and_later_without_the_store_waking_the_sender() -> None:
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a"]))
    waits: list[float] = []
    for _ in range(12):
        sender.run(Settled(to=BOARD, sequence=0, result=FAILED))
        before = sender.now
        waits.append(sender.timers["~outbox"].at - before)
        (turn,) = sender.advance(waits[-1])
        assert in_flight(turn) == 1
    assert 0.1 < waits[0] < 0.3
    assert 24 <= waits[-1] <= 36
    assert waits[:6] == sorted(waits[:6])


def test_the_next_try_is_that_of_the_line_that_waits_least() -> None:
    sender, other = alone(Sender), Address("/board/c")
    sender.run(Post(to=BOARD, texts=["a"]))
    for _ in range(6):
        sender.run(Settled(to=BOARD, sequence=0, result=FAILED))
        sender.advance(30)
    sender.run(Settled(to=BOARD, sequence=0, result=FAILED))
    sender.run(Post(to=other, texts=["b"]))
    sender.run(Settled(to=other, sequence=1, result=FAILED))
    (turn,) = sender.advance(0.3)
    assert in_flight(turn) == 1
    assert in_flight(sender.run(Settled(to=other, sequence=1, result=Delivered()))) == 0
    assert sum(in_flight(turn) for turn in sender.advance(60)) == 1


def test_crashes_are_counted_for_each_message_alone() -> None:
    sender, crashed = alone(Sender), ActorCrashed("")
    sender.run(Post(to=BOARD, texts=["a", "b"]))
    for sequence in (0, 1):
        for _ in range(2):
            sender.run(Settled(to=BOARD, sequence=sequence, result=crashed))
            sender.advance(60)
        sender.run(Settled(to=BOARD, sequence=sequence, result=Delivered()))
    assert sender.ask(Look()) == []
    assert sender.actor.outbox_size == 0


def test_deliveries_under_way_are_bounded_and_the_next_target_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.outbox.UNDER_WAY_MAX", 2)
    sender = alone(Sender)
    turns = [sender.run(Post(to=Address(f"/board/{name}"), texts=["a"])) for name in "xyz"]
    assert [in_flight(turn) for turn in turns] == [1, 1, 0]
    assert in_flight(sender.run(Settled(to=Address("/board/x"), sequence=0, result=Delivered()))) == 1


def test_pipes_that_are_all_taken_delay_a_delivery_and_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sender, "pipes_max", 1)
    disk, other = Disk(), Address("/board/c")
    answers = run(disk, post("a"), post("b", to=other), post("c"), LOOK, wait=60)
    assert answers == [None, None, None, ["a", "c"]]
    assert run(disk, (other, Look())) == [["b"]]


def test_an_outbox_of_many_pages_is_read_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.reliable.PAGE", 2)
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=list("abcde")))
    sender.restart()
    assert sender.actor.outbox_size == 5


def test_a_sender_whose_address_fits_into_no_key_is_refused() -> None:
    with pytest.raises(BadSpec, match="1000 bytes"):
        alone(Sender, at="/" + "a" * 1_000).ask(Post(to=BOARD, texts=["a"]))


def test_a_full_disk_when_a_message_is_settled_means_later() -> None:
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a"]))
    sender.store_full = True
    turn = sender.run(Settled(to=BOARD, sequence=0, result=Delivered(Refusal("NotWanted", ""))))
    assert turn.error is None
    assert sender.ask(Look()) == []
    sender.store_full = False
    (again,) = sender.advance(1)
    assert in_flight(again) == 1


def test_a_disk_that_fills_in_the_targets_turn_is_no_crash_of_the_message() -> None:
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a"]))
    full, crashed = DirtyRefusal(""), ActorCrashed("")
    full.__cause__, crashed.__cause__ = StoreFull(""), full
    for _ in range(5):
        sender.run(Settled(to=BOARD, sequence=0, result=crashed))
        sender.advance(60)
    assert sender.ask(Look()) == []


def test_of_the_outbox_all_is_read_back_in_its_order() -> None:
    other = Address("/board/c")
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a", "b"]))
    sender.run(Post(to=other, texts=["c"]))
    sender.restart()
    (turn,) = sender.advance(0)
    assert in_flight(turn) == 2
    assert sender.actor.outbox_size == 3
    sender.run(Settled(to=other, sequence=2, result=Delivered()))
    sender.run(Settled(to=BOARD, sequence=0, result=Delivered()))
    sender.run(Settled(to=BOARD, sequence=1, result=Delivered()))
    assert sender.actor.outbox_size == 0
    assert sender.stored.wake_at is None


def test_a_message_of_a_newer_release_keeps_the_sender_from_starting() -> None:
    row = b'{"to":"/board/b","type":"Note","version":2,"data":{}}'
    kept = {"~outbox/head": b'{"stream":"s","next":1}', "~outbox/m/0000000000000000": row}
    assert isinstance(alone(Sender, stored=kept).start.error, UnknownVersion)


def test_the_class_of_what_is_sent_must_be_named() -> None:
    class Silent(ReliableActor[PostOther]):
        @receive(PostOther)
        def on_post_other(self, message: PostOther) -> None:
            self.send(message.to, Other())

    with pytest.raises(BadSpec, match="Other is not listed"):
        alone(Silent).ask(PostOther(to=BOARD))


def test_what_json_does_not_bring_back_is_found_when_it_is_sent() -> None:
    class Refs(ReliableActor[PostOther]):
        sends: ClassVar[Sends] = (WithRef,)

        @receive(PostOther)
        def on_post_other(self, message: PostOther) -> None:
            self.send(message.to, WithRef(ref=self.ctx.me))

        @override
        def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...

    turn = alone(Refs).run(PostOther(to=BOARD))
    assert isinstance(turn.error, BadRecord)
    assert turn.undone == []


class Kept(Message[None], raises=(NotWanted,)):
    """A Note as a later release has it."""

    stored_type: ClassVar[str] = "Note"
    stored_version: ClassVar[int] = 2
    text: str
    urgent: bool


def _urgent(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "urgent": False}


def test_a_message_that_an_earlier_release_has_kept_is_brought_up_to_date_and_sent() -> None:
    class Newer(ReliableActor[Look]):
        sends: ClassVar[Sends] = (Kept,)
        sends_upcasts: ClassVar[Upcasts] = {("Note", 1): _urgent}

        @receive(Look)
        def on_look(self, message: Look) -> list[str]:
            return []

        @override
        def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...

    row = b'{"to":"/board/b","type":"Note","version":1,"data":{"text":"a"}}'
    kept = {"~outbox/head": b'{"stream":"s","next":1}', "~outbox/m/0000000000000000": row}
    (turn,) = alone(Newer, stored=kept).advance(0)
    (output,) = turn.outputs
    asked = output.begin().waiting
    assert isinstance(asked, Asked)
    assert asked.message.message == Kept(text="a", urgent=False)


def test_a_sender_whose_lines_all_wait_is_not_woken_before_the_first_of_them_is_due() -> None:
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a"]))
    for _ in range(9):
        sender.run(Settled(to=BOARD, sequence=0, result=FAILED))
        sender.advance(sender.timers["~outbox"].at - sender.now)
    sender.run(Settled(to=BOARD, sequence=0, result=FAILED))
    due = sender.timers["~outbox"].at
    assert due - sender.now > 20
    sender.run(Woken())
    assert sender.stored.wake_at == pytest.approx(due)
    sender.run(Post(to=Address("/board/c"), texts=["under way"]))
    sender.run(Woken())
    assert sender.stored.wake_at == pytest.approx(sender.now + 5), "with one under way it is"


def test_an_outbox_that_is_full_in_the_targets_turn_is_no_crash_of_the_message() -> None:
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=["a"]))
    full, crashed = DirtyRefusal(""), ActorCrashed("")
    full.__cause__, crashed.__cause__ = OutboxFull(""), full
    for _ in range(5):
        sender.run(Settled(to=BOARD, sequence=0, result=crashed))
        sender.advance(60)
    assert sender.ask(Look()) == []
    assert sender.actor.outbox_size == 1


class Namesake(ReliableActor[Post | Note]):
    """Has the names that the framework's part would have, too, if it could."""

    sends: ClassVar[Sends] = (Note,)

    @override
    async def load(self, stored: Stored) -> None:
        self._outbox = self._inbox = self._alarm = self._done = self._own = self.letters = self.form = "mine"

    def _stage(self) -> str:
        return self.letters

    _deliver = _settle = _handled = _seen = _send_ready = _try_later = _stage

    @receive(Post)
    def on_post(self, message: Post) -> None:
        assert self._stage() == "mine"
        self.send(message.to, Note(text=message.texts[0]))

    @receive(Note)
    def on_note(self, message: Note) -> int:
        assert self.once(message.text)
        return 0

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...


def test_a_users_private_names_are_his_own() -> None:
    sender = alone(Namesake)
    assert in_flight(sender.run(Post(to=BOARD, texts=["a"]))) == 1
    sender.restart()
    (turn,) = sender.advance(0)
    assert in_flight(turn) == 1
    assert sender.run(Settled(to=BOARD, sequence=0, result=Delivered())).error is None
    assert sender.actor.outbox_size == 0
    assert [sender.ask(delivery(number, "a")) for number in (0, 0)] == [Delivered()] * 2


@pytest.mark.parametrize("first", [0, 1])
def test_what_only_reads_back_sends_nothing(first: int) -> None:
    class Came(Record):
        pass

    class Sum(Record):
        pass

    class Payer(EventSourced[Post, Sum, Came]):
        @override
        def fresh(self) -> Sum:
            return Sum()

        @override
        def apply(self, state: Sum, event: Came) -> Sum:
            cast("ReliableActor[Any]", self).send(BOARD, Note(text="again"))
            return state

        @receive(Post)
        def on_post(self, message: Post) -> None:
            self.persist(Came())

    bases = (Payer, ReliableActor) if first == 0 else (ReliableActor, Payer)
    kind = new_class(
        "Both", bases, exec_body=lambda made: made.update(sends=(Note,), undelivered=undelivered)
    )
    payer = alone(kind)
    payer.ask(Post(to=BOARD, texts=[]))
    payer.restart()
    assert isinstance(payer.start.error, BadSpec)
    assert "`started` may" in str(payer.start.error)


def undelivered(self: Any, to: Address, message: Message[Any], why: ActorError) -> None: ...


async def take(self: Any, message: Deliver) -> Delivered:
    return Delivered()


def wake(self: Any, message: Woken) -> None: ...


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"sends": (Note,)}, "needs undelivered"),
        ({"sends": (int,), "undelivered": undelivered}, "int"),
        ({"sends_upcasts": {("Note", 1): dict}}, "Note 1"),
        ({"outbox_max": 0}, "outbox_max"),
        ({"once_max": 0}, "once_max"),
        ({"send": undelivered}, "sends"),
        ({"recover": undelivered}, "load"),
        ({"on_woken": undelivered}, "woken"),
        ({"bind": undelivered}, "started"),
        ({"own": undelivered}, "another name"),
        ({"mine": receive(Deliver)(take)}, "Deliver has a handler"),
        ({"mine": receive(Woken)(wake)}, "Woken has a handler"),
    ],
)
def test_what_cannot_be_is_refused_when_the_class_is_created(body: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        new_class("Made", (ReliableActor,), exec_body=lambda made: made.update(body))
