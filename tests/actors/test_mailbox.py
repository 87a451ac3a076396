"""A bounded mailbox with two lanes."""

import pytest

from actors.mailbox import Mailbox, Overflow


def full(overflow: Overflow) -> tuple[Mailbox[int], tuple[bool, int | None]]:
    mailbox = Mailbox[int](2)
    mailbox.offer(1, overflow)
    mailbox.offer(2, overflow)
    assert mailbox.full
    return mailbox, mailbox.offer(3, overflow)


@pytest.mark.parametrize("overflow", [Overflow.WAIT, Overflow.REFUSE])
def test_a_full_mailbox_takes_nothing_and_drops_nothing_when_it_waits_or_refuses(overflow: Overflow) -> None:
    mailbox, answer = full(overflow)
    assert answer == (False, None)
    assert mailbox.drain() == [1, 2]


def test_a_full_mailbox_hands_back_what_it_drops() -> None:
    oldest, answer = full(Overflow.DROP_OLDEST)
    assert answer == (True, 1)
    assert oldest.drain() == [2, 3]
    newest, answer = full(Overflow.DROP_NEWEST)
    assert answer == (False, 3)
    assert newest.drain() == [1, 2]


def test_the_system_lane_is_taken_first_and_is_not_counted_against_the_bound() -> None:
    mailbox = Mailbox[str](1)
    mailbox.offer("user", Overflow.WAIT)
    mailbox.put_system("first")
    mailbox.put_system("second")
    assert len(mailbox) == 3
    assert [mailbox.take() for _ in range(3)] == ["first", "second", "user"]
    with pytest.raises(IndexError):
        mailbox.take()


def test_an_item_can_be_removed_from_either_lane_once() -> None:
    mailbox = Mailbox[str](5)
    mailbox.offer("user", Overflow.WAIT)
    mailbox.put_system("system")
    assert mailbox.remove("user")
    assert mailbox.remove("system")
    assert not mailbox.remove("user")
    assert len(mailbox) == 0
