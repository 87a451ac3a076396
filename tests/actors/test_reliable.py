"""Messages between durable actors: kept with the sender's commit, delivered until they are taken, taken once."""

from functools import partial
from types import new_class
from typing import Any, ClassVar

import pytest
import trio
from typing_extensions import override

from actors import Actor, Address, Message, Ref, Spec, WakeAt, receive, receive_any
from actors.durable import Put, Stored, Woken
from actors.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    BadSpec,
    DirtyRefusal,
    NotInThisState,
    OutboxFull,
    ReplyNotAwaited,
    StoreFull,
)
from actors.event_sourced import EventSourced
from actors.guarded import Reserved
from actors.outbox import Deliver, Delivered, Refusal, Settled
from actors.records import BadRecord, Record, UnknownVersion
from actors.reliable import NotDeliverable, ReliableActor, Sends
from actors.testing import Piped, harness
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk


class NotWanted(Exception):
    pass


class Note(Message[int], raises=(NotWanted,)):
    text: str


class Other(Message[None]):
    pass


class WithRef(Message[None]):
    ref: Ref[Any]


class Post(Message[None]):
    to: Address
    texts: list[str]


class PostThenFail(Message[None]):
    to: Address


class PostOther(Message[None]):
    to: Address


class Look(Message[list[str]]):
    pass


class Sender(ReliableActor[Post | PostThenFail | PostOther | Look]):
    """Sends what it is told to, and keeps what came back."""

    sends: ClassVar[Sends] = (Note, Other)
    outbox_max = 5

    @override
    async def load(self, stored: Stored) -> None:
        self.back = [value.decode() for _, value in await stored.scan("back/")]

    @receive(Post)
    def on_post(self, message: Post) -> None:
        for text in message.texts:
            self.send(self.ctx.ref(message.to), Note(text=text))

    @receive(PostThenFail)
    def on_post_then_fail(self, message: PostThenFail) -> None:
        self.send(message.to, Note(text="never"))
        raise RuntimeError("after sending")

    @receive(PostOther)
    def on_post_other(self, message: PostOther) -> None:
        self.send(message.to, Other())

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return self.back

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        said = f"{type(message).__name__}: {type(why).__name__}: {why}"
        self.ctx.stage(Put(f"back/{len(self.back)}", said.encode()))
        self.back.append(said)


class Board(ReliableActor[Note | Look]):
    """Keeps notes in the order in which they came; what it does with one is in its text."""

    crashes: ClassVar[int] = 0
    refusals: ClassVar[int] = 0

    @override
    async def load(self, stored: Stored) -> None:
        self.notes = [value.decode() for _, value in await stored.scan("note/")]

    @receive(Note)
    async def on_note(self, message: Note) -> int:
        await self.ctx.read(["a row"])
        if message.text == "crash" or (message.text == "crash twice" and Board.crashes < 2):
            Board.crashes += 1
            raise RuntimeError("as it was told")
        if message.text == "refuse":
            Board.refusals += 1
            raise NotWanted(f"no {Board.refusals}")
        self.ctx.stage(Put(f"note/{len(self.notes):04}", message.text.encode()))
        self.notes.append(message.text)
        if message.text == "refuse too late":
            raise NotWanted("too late")
        return len(self.notes)

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return self.notes


class Later(ReliableActor[Note]):
    @receive(Note)
    def on_note(self, message: Note) -> Any:
        return self.ctx.defer("later")


class Volatile(Actor[Note]):
    @receive(Note)
    def on_note(self, message: Note) -> int:
        return 1


class ForAll(Actor[Note]):
    @receive_any
    def on_all(self, message: Any) -> int:
        return 1


def _spec(kind: type[Actor[Any]], _: Address) -> Spec[Any]:
    return Spec(kind)


SENDER, BOARD = Address("/sender/a"), Address("/board/b")
KINDS: dict[str, type[Actor[Any]]] = {
    "sender": Sender,
    "board": Board,
    "later": Later,
    "volatile": Volatile,
    "forall": ForAll,
}
PATTERNS = [Pattern("post", {name: partial(_spec, kind) for name, kind in KINDS.items()})]


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Board, "crashes", 0)
    monkeypatch.setattr(Board, "refusals", 0)


def run(disk: Disk, *asked: tuple[Address, Message[Any]], wait: float = 0.0, seed: int = 1) -> list[Any]:
    """Ask them, one after the other, on a node that starts on `disk`; `wait` seconds, then its end. The last answer counts."""

    async def program(system: System) -> list[Any]:
        answers: list[Any] = []
        for number, (to, message) in enumerate(asked):
            if number == len(asked) - 1:
                await trio.sleep(wait)
            try:
                answers.append(await system.ref(to).ask(message))
            except ActorError as error:
                answers.append(error)
        return answers

    answers: list[Any] = simulate(program, seed=seed, patterns=PATTERNS, disk=disk).result
    return answers


def post(*texts: str, to: Address = BOARD) -> tuple[Address, Message[Any]]:
    return SENDER, Post(to=to, texts=list(texts))


LOOK = (BOARD, Look())
BACK = (SENDER, Look())


# --- the plain path ------------------------------------------------------------------------------------


def test_what_is_sent_is_taken_once_in_its_order() -> None:
    assert run(Disk(), post("a", "b"), post("c"), LOOK, wait=60) == [None, None, ["a", "b", "c"]]


def test_nothing_of_a_message_that_was_taken_is_kept_but_the_places_in_the_stream() -> None:
    disk = Disk()
    run(disk, post("a", "b"), LOOK, wait=60)
    assert list(disk.kept[SENDER].rows) == ["~outbox/head"]
    assert disk.kept[SENDER].wake_at is None
    assert sorted(disk.kept[BOARD].rows) == ["note/0000", "note/0001", f"~inbox/{SENDER}"]


def test_a_turn_that_crashes_has_sent_nothing() -> None:
    disk = Disk()
    (crashed, _, notes) = run(disk, (SENDER, PostThenFail(to=BOARD)), post("after"), LOOK, wait=60)
    assert isinstance(crashed, ActorCrashed)
    assert notes == ["after"]


def test_a_node_that_is_started_again_sends_on_though_nobody_writes_to_it() -> None:
    disk = Disk()

    async def sent(system: System) -> None:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["a", "b"]))

    steps = simulate(sent, seed=1, patterns=PATTERNS).steps
    for crash_at in range(1, steps + 1):
        disk = Disk()
        simulate(sent, seed=1, patterns=PATTERNS, disk=disk, crash_at=crash_at)
        kept = SENDER in disk.kept
        assert run(disk, LOOK, wait=60) == [["a", "b"] if kept else []]


def test_a_sender_that_is_activated_sends_on_at_once() -> None:
    disk = Disk()
    without = [Pattern("post", {"sender": lambda _: Spec(Sender)})]

    async def program(system: System) -> None:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["a"]))

    simulate(program, seed=1, patterns=without, disk=disk)
    assert run(disk, BACK, LOOK, wait=1) == [[], ["a"]]


@pytest.mark.parametrize("kept", ["kept", "gone"])
def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice(kept: Any) -> None:
    disk = Disk()

    async def program(system: System) -> list[str]:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["a", "b"]))
        disk.faults.answer_lost = kept
        await trio.sleep(1)
        disk.faults.answer_lost = None
        await trio.sleep(60)
        notes: list[str] = await system.ref(BOARD).ask(Look())
        return notes

    assert simulate(program, seed=1, patterns=PATTERNS, disk=disk).result == ["a", "b"]


# --- what is given up, and what is tried again ---------------------------------------------------------


def test_a_refusal_is_told_to_the_sender_and_the_next_message_comes() -> None:
    disk = Disk()
    assert run(disk, post("refuse", "a"), LOOK, wait=60)[1] == ["a"]
    assert run(disk, BACK) == [["Note: Refused: NotWanted: no 1"]]


def test_a_refusal_whose_answer_was_lost_is_the_same_when_it_comes_again() -> None:
    disk = Disk()

    async def program(system: System) -> list[str]:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["refuse", "a"]))
        disk.faults.answer_lost = "kept"
        await trio.sleep(0.005)
        disk.faults.answer_lost = None
        await trio.sleep(60)
        back: list[str] = await system.ref(SENDER).ask(Look())
        return back

    assert simulate(program, seed=1, patterns=PATTERNS, disk=disk).result == [
        "Note: Refused: NotWanted: no 1"
    ]
    assert Board.refusals == 1


def test_a_message_that_crashes_its_target_is_given_up_at_the_third_time() -> None:
    answers = run(Disk(), post("crash", "a"), LOOK, BACK, wait=60)
    assert answers[2][0].startswith("Note: ActorCrashed: /board/b: RuntimeError")
    assert Board.crashes == 3


def test_a_target_that_crashed_twice_takes_the_message_in_its_place() -> None:
    assert run(Disk(), post("crash twice", "a"), LOOK, wait=60)[1] == ["crash twice", "a"]


def test_a_refusal_after_a_change_is_a_crash() -> None:
    disk = Disk()
    assert run(disk, post("refuse too late", "a"), LOOK, wait=60)[1] == ["a"]
    (said,) = run(disk, BACK)[0]
    assert "DirtyRefusal" in said


@pytest.mark.parametrize("kind", ["volatile", "forall"])
def test_an_actor_that_is_not_reliable_takes_nothing_and_the_sender_hears_it(kind: str) -> None:
    to = Address(f"/{kind}/x")
    assert run(Disk(), post("a", to=to), BACK, wait=60)[1] == [f"Note: DeadLettered: {to}: unhandled"]


def test_a_reliable_actor_without_a_handler_for_the_message_says_so() -> None:
    answers = run(Disk(), (SENDER, PostOther(to=BOARD)), BACK, wait=60)
    assert answers[1] == [f"Other: DeadLettered: {BOARD}: unhandled"]


def test_a_handler_that_answers_later_is_a_crash_that_says_so() -> None:
    to = Address("/later/x")
    (said,) = run(Disk(), post("a", to=to), BACK, wait=60)[1]
    assert "NotDeliverable" in said
    assert "Note" in said


def test_what_cannot_be_reached_is_tried_until_it_can() -> None:
    disk = Disk()
    without = [Pattern("post", {"sender": lambda _: Spec(Sender)})]

    async def program(system: System) -> list[str]:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["a"]))
        await trio.sleep(600)
        back: list[str] = await system.ref(SENDER).ask(Look())
        return back

    assert simulate(program, seed=1, patterns=without, disk=disk).result == []
    assert run(disk, LOOK, wait=700) == [["a"]]


def test_one_target_that_is_not_there_keeps_no_other_waiting() -> None:
    gone = Address("/nobody/x")
    assert run(Disk(), post("a", to=gone), post("b"), LOOK, wait=1)[2] == ["b"]


def test_a_full_disk_gives_nothing_up_and_takes_nothing_twice() -> None:
    disk = Disk()

    async def program(system: System) -> list[list[str]]:
        await system.ref(SENDER).ask(Post(to=BOARD, texts=["a", "b"]))
        disk.faults.full = True
        await trio.sleep(120)
        disk.faults.full = False
        await trio.sleep(120)
        return [await system.ref(to).ask(Look()) for to in (BOARD, SENDER)]

    for seed in range(10):
        assert simulate(program, seed=seed, patterns=PATTERNS, disk=disk).result == [
            ["a", "b"] * (seed + 1),
            [],
        ]


def test_a_full_outbox_refuses_and_the_turn_has_changed_nothing() -> None:
    gone = Address("/nobody/x")
    disk = Disk()
    answers = run(disk, post(*"abcde", to=gone), post("f", to=gone), BACK)
    assert isinstance(answers[1], OutboxFull)
    assert answers[2] == []
    assert len([key for key in disk.kept[SENDER].rows if key.startswith("~outbox/m/")]) == 5


# --- the target's books --------------------------------------------------------------------------------


def alone(kind: type[ReliableActor[Any]], **given: Any) -> Any:
    """A harness that takes the envelopes too, which no protocol lists."""
    return harness(kind, **given)


def delivery(sequence: int, text: str, *, stream: str = "s") -> Deliver:
    return Deliver(sender=SENDER, stream=stream, sequence=sequence, message=Note(text=text))


def test_what_comes_again_is_answered_and_not_handled() -> None:
    board = alone(Board)
    for _ in range(2):
        assert board.ask(delivery(3, "a")) == Delivered()
    board.restart()
    assert board.ask(delivery(3, "a")) == Delivered()
    assert board.ask(delivery(2, "an older one")) == Delivered()
    assert board.ask(Look()) == ["a"]
    turn = board.run(delivery(3, "a")).finish()
    assert turn.staged == []
    for _ in range(2):
        board.ask(delivery(4, "b"))
    assert board.ask(Look()) == ["a", "b"], "what memory holds of the sender moves on too"


def test_a_gap_in_the_stream_is_no_loss() -> None:
    board = alone(Board)
    board.ask(delivery(0, "a"))
    board.ask(delivery(7, "b"))
    assert board.ask(Look()) == ["a", "b"]


def test_a_refusal_is_kept_with_the_place_in_the_stream() -> None:
    board = alone(Board)
    refused = Delivered(Refusal("NotWanted", "no 1"))
    assert [board.ask(delivery(0, "refuse")) for _ in range(2)] == [refused, refused]
    board.restart()
    assert board.ask(delivery(0, "refuse")) == refused


def test_a_sender_that_was_made_again_is_not_taken_for_its_past() -> None:
    board = alone(Board)
    board.ask(delivery(5, "a"))
    board.ask(delivery(0, "b", stream="another"))
    assert board.ask(Look()) == ["a", "b"]


def test_a_sender_that_memory_has_forgotten_is_found_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Board, "inbox_cache", 1)
    board = alone(Board)
    for sender in ("/sender/a", "/sender/b", "/sender/a"):
        board.ask(
            Deliver(sender=Address(sender), stream="s", sequence=0, message=Note(text=f"from {sender}"))
        )
    assert board.ask(Look()) == ["from /sender/a", "from /sender/b"]


@pytest.mark.parametrize("row", [b"{}", b"[]", b"\x80", b'{"stream":"s","sequence":"0","refusal":null}'])
def test_a_damaged_place_is_never_taken_for_none(row: bytes) -> None:
    board = alone(Board, stored={f"~inbox/{SENDER}": row})
    with pytest.raises(BadRecord):
        board.ask(delivery(0, "a"))


def test_a_crash_and_a_deferral_leave_no_place_in_the_stream() -> None:
    later = alone(Later)
    turn = later.run(delivery(0, "a")).finish()
    assert isinstance(turn.error, NotDeliverable)
    assert turn.staged == []
    board = alone(Board)
    board.run(delivery(0, "refuse too late")).finish()
    board.restart()
    assert isinstance(board.run(delivery(0, "refuse too late")).finish().error, DirtyRefusal)


def test_a_handler_that_returns_a_coroutine_is_a_crash_that_says_so() -> None:
    class Forgets(ReliableActor[Note]):
        @receive(Note)
        def on_note(self, message: Note) -> Any:
            return self.ctx.read([message.text])

    assert isinstance(alone(Forgets).run(delivery(0, "a")).finish().error, ReplyNotAwaited)


def test_what_is_delivered_goes_to_the_handler_of_the_present_state() -> None:
    class Door(ReliableActor[Note | Other]):
        initial = "shut"
        came: ClassVar[list[str]] = []

        @receive(Note, state="shut")
        def on_note_shut(self, message: Note) -> int:
            self.came.append(f"shut: {message.text}")
            self.ctx.become("open")
            return 0

        @receive(Note, state="open")
        def on_note_open(self, message: Note) -> int:
            self.came.append(f"open: {message.text}")
            return 0

        @receive(Other, state="open")
        def on_other(self, message: Other) -> None: ...

    door = alone(Door)
    other = Deliver(sender=SENDER, stream="s", sequence=0, message=Other())
    refused = door.run(other).finish()
    assert isinstance(refused.refusal, NotInThisState), "its sender tries again: it is not put aside here"
    assert (refused.staged, door.stash) == ([], [])
    door.run(Other())
    assert door.stash == [Other()], "what was not sent reliably is"
    door.ask(delivery(0, "a"))
    door.ask(delivery(1, "b"))
    assert Door.came == ["shut: a", "open: b"]


# --- the sender's books --------------------------------------------------------------------------------


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
    monkeypatch.setattr("actors.once.PAGE", 2)
    sender = alone(Sender)
    sender.run(Post(to=BOARD, texts=list("abcde")))
    sender.restart()
    assert sender.actor.outbox_size == 5
    clock = alone(Clock)
    for name in "abc":
        clock.ask(Once(name=name))
    clock.restart()
    assert [clock.ask(Once(name=name)) for name in "abc"] == [True, True, True]


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


def undelivered(self: Any, to: Address, message: Message[Any], why: ActorError) -> None: ...


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
    ],
)
def test_what_cannot_be_is_refused_when_the_class_is_created(body: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        new_class("Made", (ReliableActor,), exec_body=lambda made: made.update(body))


# --- the alarm, and ids that come once -----------------------------------------------------------------


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
