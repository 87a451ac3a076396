"""The way of a dead letter from one queue to another."""

import json

from patterns.queue.dead_letters import adopt, bring_back, settle
from patterns.queue.messages import ReceiveMessage
from patterns.queue.receiving import MOVES_MAX, receive
from tests.patterns.queue.kept import FIFO, Kept


def pair(receives_max: int = 1, *, fifo: bool = False) -> tuple[Kept, Kept]:
    suffix = ".fifo" if fifo else ""
    dead = Kept(FIFO if fifo else {}, f"dead{suffix}", number=2)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": str(receives_max)})
    source = Kept({**(FIFO if fifo else {}), "RedrivePolicy": policy}, f"orders{suffix}")
    return source, dead


def hand_over(source: Kept, dead: Kept) -> None:
    parcels = source.outgoing()
    dead.now = source.now
    dead.keep(adopt(dead.queue, source.arn, parcels, (), dead.now))
    source.keep(settle(source.queue, [parcel.seq for parcel in parcels]))


def test_a_message_is_delivered_exactly_as_often_as_the_policy_says() -> None:
    source, dead = pair(receives_max=3)
    source.send("poison")
    source.send("good", delay=100)
    for _ in range(3):
        assert source.bodies() == ["poison"]
        source.advance(30.0)
    source.advance(100.0)
    assert source.bodies() == ["good"], "the same receive goes on with the next message"
    assert source.queue.counts().visible == 0
    hand_over(source, dead)
    assert dead.bodies() == ["poison"]


def test_few_letters_are_on_their_way_at_once_and_a_good_message_behind_the_rest_is_given_out() -> None:
    source, dead = pair()
    for n in range(MOVES_MAX + 5):
        source.send(f"poison {n}")
    while source.receive():
        pass
    source.advance(30.0)
    source.send("good")
    assert source.bodies() == ["good"]
    assert len(source.outgoing()) == MOVES_MAX
    assert source.bodies() == [], "until these have been adopted, nothing else leaves"
    assert len(source.outgoing()) == MOVES_MAX
    hand_over(source, dead)
    assert source.bodies() == []
    assert len(source.outgoing()) == 5


def test_nothing_overtakes_its_fifo_group_while_too_many_letters_are_on_their_way() -> None:
    source, dead = pair(fifo=True)
    for n in range(MOVES_MAX + 1):
        source.send(f"poison {n}", group=str(n))
    last = str(MOVES_MAX)
    while source.receive():
        pass
    source.advance(30.0)
    source.send("behind", group=last)
    assert source.bodies() == []
    hand_over(source, dead)
    assert source.bodies() == [], "the letter before it is on its way now"
    hand_over(source, dead)
    assert source.bodies() == ["behind"]
    assert [parcel.seq for parcel in source.outgoing()] == []


def test_without_a_receive_nothing_moves() -> None:
    source, _ = pair()
    source.send("poison")
    source.receive()
    source.advance(3_600.0)
    assert source.queue.counts().visible == 1
    assert source.outgoing() == []


def test_the_letter_keeps_what_it_was_and_counts_on() -> None:
    source, dead = pair()
    sent = source.send("poison", group="g")
    source.advance(5.0)
    source.receive()
    source.advance(30.0)
    source.receive()
    hand_over(source, dead)
    dead.restart()
    dead.advance(1.0)
    (letter,) = dead.receive()
    assert letter.message_id == sent.message_id
    assert letter.system_attributes == {
        "SenderId": "000000000000",
        "SentTimestamp": "1000000",
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": "1005000",
        "MessageGroupId": "g",
        "DeadLetterQueueSourceArn": source.arn,
    }


def test_a_dead_letter_queue_of_a_dead_letter_queue_does_not_fire_at_once() -> None:
    source, dead = pair(receives_max=2)
    policy = json.dumps(
        {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:third", "maxReceiveCount": 1}
    )
    dead.keep(dead.queue.set_attributes({"RedrivePolicy": policy}, dead.now))
    source.send("poison")
    for _ in range(3):
        source.receive(visibility=0)
    hand_over(source, dead)
    assert dead.bodies() == ["poison"]


def test_a_parcel_is_adopted_once_however_often_it_arrives() -> None:
    source, dead = pair()
    source.send("poison")
    source.receive(visibility=0)
    source.receive()
    parcels = source.outgoing()
    for _ in range(2):
        dead.keep(adopt(dead.queue, source.arn, parcels, (), dead.now))
        dead.restart()
    assert dead.queue.counts().visible == 1
    assert any(key.startswith("moved/") for key in dead.table)
    dead.keep(adopt(dead.queue, source.arn, (), [parcels[0].seq], dead.now))
    assert not any(key.startswith("moved/") for key in dead.table)
    assert dead.queue.adopted == {}


def test_what_the_source_never_settles_is_forgotten_after_fourteen_days() -> None:
    source, dead = pair()
    source.send("poison")
    source.receive(visibility=0)
    source.receive()
    hand_over(source, dead)
    dead.advance(14 * 86_400.0)
    assert dead.queue.adopted == {}
    assert not any(key.startswith("moved/") for key in dead.table)


def test_a_letter_on_its_way_survives_a_restart_and_a_purge() -> None:
    source, dead = pair()
    source.send("poison")
    source.receive(visibility=0)
    source.receive()
    source.keep(source.queue.purge(source.now))
    source.restart()
    assert set(source.queue.outgoing) == {1}
    hand_over(source, dead)
    assert dead.bodies() == ["poison"]
    assert source.queue.outgoing == {}


def test_without_a_dead_letter_queue_the_message_has_its_old_place_again() -> None:
    source, _ = pair(fifo=True)
    source.send("1", "a")
    source.send("2", "a")
    source.receive(1, visibility=0)
    source.receive(1)
    (parcel,) = source.outgoing()
    source.keep(bring_back(source.queue, parcel))
    assert list(source.queue.index.candidates()) == [1, 2]
    assert list(source.restored().index.candidates()) == [1, 2]
    assert source.outgoing() == []


def test_one_that_was_brought_back_expires_once() -> None:
    source, _ = pair()
    source.send("older", delay=900)
    source.send("poison")
    source.receive(visibility=0)
    source.receive()
    (parcel,) = source.outgoing()
    source.keep(bring_back(source.queue, parcel))
    expired = source.advance(345_600.0)
    assert expired is not None
    assert sorted(expired.seqs) == [1, 2]


def test_a_standard_letter_keeps_its_age_and_a_fifo_letter_begins_anew() -> None:
    for fifo, left in ((False, 0), (True, 1)):
        source, dead = pair(fifo=fifo)
        source.send("poison", "g")
        source.advance(345_600.0 - 100.0)
        source.receive(visibility=0)
        source.receive()
        dead.now = source.now
        dead.send("fresh", "g")
        hand_over(source, dead)
        dead.keep(dead.queue.set_attributes({"VisibilityTimeout": "1"}, dead.now))
        dead.restart()
        dead.advance(100.0)
        assert dead.queue.counts().visible == 1 + left


def test_two_letters_with_one_deduplication_id_never_collapse() -> None:
    source, dead = pair(fifo=True)
    source.send("1", "a", dedup_id="x")
    source.advance(301.0)
    source.send("2", "b", dedup_id="x")
    source.receive(visibility=0)
    source.receive()
    hand_over(source, dead)
    letters = dead.receive()
    assert [letter.body for letter in letters] == ["1", "2"]
    for letter in letters:
        assert letter.system_attributes["MessageDeduplicationId"] == letter.message_id


def test_a_receive_that_finds_only_dead_letters_gives_out_none_and_names_them() -> None:
    source, _ = pair()
    source.send("poison")
    source.receive(visibility=0)
    taken = receive(source.queue, ReceiveMessage(), source.now)
    assert taken.hands == []
    assert [move.seq for move in taken.moves] == [1]
