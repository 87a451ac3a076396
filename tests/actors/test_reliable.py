"""Messages between durable actors: kept with the sender's commit, delivered until they are taken, taken once."""

from functools import partial
from typing import Any

import pytest
import trio

from actors import Actor, Address, Spec
from actors.errors import (
    ActorCrashed,
    OutboxFull,
)
from actors.supervision import Retry
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk
from tests.actors.post import (
    BACK,
    BOARD,
    LOOK,
    PATTERNS,
    SENDER,
    Board,
    Look,
    Post,
    PostOther,
    PostThenFail,
    Sender,
    post,
    run,
    spec_of,
)


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Board, "crashes", 0)
    monkeypatch.setattr(Board, "refusals", 0)


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


def test_a_message_that_crashes_its_target_is_given_up_however_often_the_target_tries_it_again() -> None:
    patient = Pattern(
        "post",
        {"sender": lambda _: Spec(Sender), "board": lambda _: Spec(Board, poison=Retry(9))},
    )
    answers = run(Disk(), post("crash"), BACK, wait=600, patterns=[patient])
    assert answers[1][0].startswith("Note: ActorCrashed: /board/b: RuntimeError")


def test_a_target_that_crashed_twice_takes_the_message_in_its_place() -> None:
    assert run(Disk(), post("crash twice", "a"), LOOK, wait=60)[1] == ["crash twice", "a"]


def test_a_refusal_after_a_change_is_a_crash() -> None:
    disk = Disk()
    assert run(disk, post("refuse too late", "a"), LOOK, wait=60)[1] == ["a"]
    (said,) = run(disk, BACK)[0]
    assert "DirtyRefusal" in said


@pytest.mark.parametrize(
    ("kind", "why"),
    [("volatile", "Volatile has no handler for Deliver; it takes: Note"), ("forall", "unhandled")],
)
def test_an_actor_that_is_not_reliable_takes_nothing_and_the_sender_hears_it(kind: str, why: str) -> None:
    to = Address(f"/{kind}/x")
    assert run(Disk(), post("a", to=to), BACK, wait=60)[1] == [f"Note: DeadLettered: {to}: {why}"]


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


def test_a_target_whose_own_outbox_is_full_after_a_change_takes_it_when_there_is_room() -> None:
    disk, relay = Disk(), Address("/relay/r")
    passed = post("/nobody/x", "/board/b", to=relay)
    assert run(disk, passed, BACK, wait=300) == [None, []]
    assert run(disk, (relay, Look())) == [["1 passed on, 1 waiting"]]
    served = [*PATTERNS, Pattern("late", {"nobody": partial(spec_of, Board)})]
    assert run(disk, LOOK, wait=700, patterns=served) == [["/board/b"]]


def test_a_sender_that_was_deleted_and_made_again_is_heard() -> None:
    disk = Disk()
    run(disk, post("a", "b"), LOOK, wait=60)
    del disk.kept[SENDER]
    assert run(disk, post("c"), LOOK, wait=60, seed=2)[1] == ["a", "b", "c"]


def test_an_actor_may_send_to_itself_and_from_its_start_and_no_crash_makes_it_more() -> None:
    loop = Address("/loop/x")

    async def program(system: System) -> None:
        await system.ref(loop).ask(Look())
        await trio.sleep(10)

    steps = simulate(program, seed=1, patterns=PATTERNS).steps
    assert steps > 20
    for crash_at in range(1, steps + 1):
        disk = Disk()
        simulate(program, seed=1, patterns=PATTERNS, disk=disk, crash_at=crash_at)
        assert run(disk, (loop, Look()), (loop, Look()), wait=60)[1] == ["3", "2", "1", "0"]


def test_neither_a_passivated_sender_nor_a_passivated_target_loses_or_repeats_anything() -> None:
    kinds: dict[str, type[Actor[Any]]] = {"sender": Sender, "board": Board}
    brief = [Pattern(name, {name: partial(spec_of, kind, idle_after=0.5)}) for name, kind in kinds.items()]
    disk = Disk()
    for text in "abc":
        run(disk, post(text), BACK, wait=60, patterns=brief)
    run(disk, post("d"), BACK, wait=60, patterns=brief[:1])
    assert run(disk, post("e"), LOOK, wait=60, patterns=brief)[1] == list("abcde")
