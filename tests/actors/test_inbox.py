"""What a ReliableActor keeps of those who send to it, in a harness."""

from typing import Any, ClassVar

import pytest

from actors import Address, receive
from actors.errors import (
    DirtyRefusal,
    NotInThisState,
    ReplyNotAwaited,
)
from actors.outbox import Deliver, Delivered, Refusal
from actors.records import BadRecord
from actors.reliable import NotDeliverable, ReliableActor
from tests.actors.post import (
    SENDER,
    Board,
    Later,
    Look,
    Note,
    Other,
    alone,
    delivery,
)


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
