"""Calls to the outside: the call is part of the commit, its result is handled once, and doubt is decided by the actor."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import trio
from structlog.testing import capture_logs
from typing_extensions import override

from actors import Address, Message, Put, Spec, Stored, receive
from actors.errors import ActorCrashed, ActorError, BadSpec, CallOpen, CommitFailed, NotInDoubt, TooManyCalls
from actors.outside import AfterCrash, Calls, OutsideActor, Results
from actors.records import Record
from actors.reliable import Sends
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk

REPEAT, ASK = AfterCrash.REPEAT, AfterCrash.ASK


class Send(Message[None]):
    keys: tuple[str, ...]
    after_crash: AfterCrash = REPEAT
    fails: bool = False
    writes_to: Address | None = None


class Repeat(Message[None]):
    key: str


class Settle(Message[None]):
    key: str


class Mail(Record):
    text: str


class Answered(Message[None]):
    key: str


class Look(Message[tuple[tuple[str, ...], tuple[str, ...]]]):
    pass


class Outside:
    """What the outside does of a call, and what it has seen."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.answer: Callable[[str], Any] = lambda key: Answered(key=key)
        self.takes = 0.001
        self.crashes = 0
        """Of the handler of a result and of `in_doubt`, still to come."""

    async def call(self, key: str) -> Any:
        self.seen.append(key)
        await trio.sleep(self.takes)
        return self.answer(key)


Protocol = Send | Repeat | Settle | Answered | Look


class Postman(OutsideActor[Protocol]):
    calls: ClassVar[Calls] = (Mail,)
    results: ClassVar[Results] = (Answered,)
    calls_max = 3
    sends: ClassVar[Sends] = (Answered,)

    def __init__(self, outside: Outside) -> None:
        self.world = outside

    @override
    async def load(self, stored: Stored) -> None:
        self.notes = [value.decode() for _, value in await stored.scan("note/")]

    def note(self, text: str) -> None:
        self.ctx.stage(Put(f"note/{len(self.notes):04}", text.encode()))
        self.notes.append(text)

    @receive(Send)
    def on_send(self, message: Send) -> None:
        for key in message.keys:
            self.outside(key, Mail(text=key), after_crash=message.after_crash)
        if message.writes_to is not None:
            self.send(message.writes_to, Answered(key="sent"))
        if message.fails:
            raise RuntimeError("after the call was staged")

    @override
    async def call(self, key: str, request: Record) -> Message[Any]:
        assert request == Mail(text=key)
        answer: Message[Any] = await self.world.call(key)
        return answer

    @receive(Answered)
    async def on_answered(self, message: Answered) -> None:
        await self.ctx.read(["a row"])
        self.note(f"answered {message.key}")
        self.crash_maybe()

    def crash_maybe(self) -> None:
        if self.world.crashes:
            self.world.crashes -= 1
            raise RuntimeError("a mishap")

    @override
    def in_doubt(self, key: str, request: Record, why: Exception | None) -> None:
        self.note(f"doubt {key}: {why}")
        self.crash_maybe()

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        raise AssertionError(why)

    @receive(Repeat)
    def on_repeat(self, message: Repeat) -> None:
        self.repeat(message.key)

    @receive(Settle)
    def on_settle(self, message: Settle) -> None:
        self.settle(message.key, Answered(key=f"{message.key}, says the operator"))

    @receive(Look)
    def on_look(self, message: Look) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(self.notes), tuple(self.open_calls)


POSTMAN = Address("/postman/p")


def patterns(outside: Outside) -> list[Pattern]:
    return [Pattern("postman", {"postman": lambda _: Spec(Postman, (outside,))})]


def run(disk: Disk, outside: Outside, *messages: Message[Any], wait: float = 60.0) -> list[Any]:
    """Ask each in turn, and wait after each; answers the answers and errors."""

    async def program(system: System) -> list[Any]:
        answers: list[Any] = []
        for message in messages:
            try:
                answers.append(await system.ref(POSTMAN).ask(message))
            except ActorError as error:
                answers.append(error)
            await trio.sleep(wait)
        return answers

    answers: list[Any] = simulate(program, seed=1, patterns=patterns(outside), disk=disk).result
    return answers


def cut(message: Send, after: float = 0.5) -> tuple[Disk, Outside]:
    """The message is answered, its calls have reached the outside, and the power fails before they return, `after` seconds."""
    lines: list[str] = []
    steps: list[int] = []

    async def program(system: System) -> None:
        await system.ref(POSTMAN).ask(message)
        await trio.sleep(after)
        steps.append(len(lines))
        await trio.sleep(10)

    disk, outside = Disk(), Outside()
    for crash in (False, True):
        disk, outside = Disk(), Outside()
        outside.takes = after + 1.0
        crash_at = steps[0] + 1 if crash else None
        simulate(program, seed=1, patterns=patterns(outside), disk=disk, crash_at=crash_at, trace_into=lines)
    outside.takes = 0.001
    assert outside.seen == list(message.keys)
    return disk, outside


# --- the plain path ------------------------------------------------------------------------------------


def test_a_call_is_made_once_and_its_result_handled_once() -> None:
    disk, outside = Disk(), Outside()
    assert run(disk, outside, Send(keys=("a", "b")), Look()) == [
        None,
        (("answered a", "answered b"), ()),
    ]
    assert outside.seen == ["a", "b"]


def test_nothing_is_kept_of_a_call_whose_result_is_handled() -> None:
    disk = Disk()
    run(disk, Outside(), Send(keys=("a",)))
    assert list(disk.kept[POSTMAN].rows) == ["note/0000"]
    assert disk.kept[POSTMAN].wake_at is None


def test_a_turn_that_crashes_has_called_nobody() -> None:
    disk, outside = Disk(), Outside()
    assert isinstance(run(disk, outside, Send(keys=("a",), fails=True))[0], ActorCrashed)
    assert outside.seen == []


def test_a_key_is_taken_while_its_call_is_open_and_free_afterwards() -> None:
    answers = run(Disk(), Outside(), Send(keys=("a",)), Send(keys=("a",)), wait=0.0)
    assert answers[0] is None
    assert isinstance(answers[1], CallOpen)
    assert run(Disk(), Outside(), Send(keys=("a",)), Send(keys=("a",))) == [None, None]


def test_one_call_more_than_calls_max_is_refused() -> None:
    answers = run(Disk(), Outside(), Send(keys=("a", "b", "c")), Send(keys=("d",)), wait=0.0)
    assert isinstance(answers[1], TooManyCalls)


# --- what raised, and what a crash leaves open ---------------------------------------------------------


def test_a_call_that_raises_is_made_again_under_the_same_key_until_it_answers() -> None:
    outside = Outside()

    def answer(key: str) -> Answered:
        if len(outside.seen) < 4:
            raise OSError("the line is dead")
        return Answered(key=key)

    outside.answer = answer
    assert run(Disk(), outside, Send(keys=("a",)), Look())[1] == (("answered a",), ())
    assert outside.seen == ["a"] * 4


def test_a_call_with_ask_that_raises_is_in_doubt_and_not_made_again() -> None:
    outside = Outside()
    outside.answer = fail
    answers = run(Disk(), outside, Send(keys=("a",), after_crash=ASK), Look(), Look())
    assert answers[1:] == [(("doubt a: the line is dead",), ("a",))] * 2
    assert outside.seen == ["a"]


def fail(key: str) -> Any:
    raise OSError("the line is dead")


def logged(disk: Disk, outside: Outside, *messages: Message[Any]) -> list[tuple[str, str, str]]:
    """The node's warnings of calls: event, key and error."""
    with capture_logs() as lines:
        run(disk, outside, *messages)
    return [(one["event"], one["key"], str(one["exc_info"])) for one in lines if "key" in one]


def test_a_call_that_is_made_again_is_told_to_the_log_each_time_it_has_raised() -> None:
    outside = Outside()

    def answer(key: str) -> Answered:
        if len(outside.seen) < 3:
            raise TypeError("a slip")
        return Answered(key=key)

    outside.answer = answer
    assert logged(Disk(), outside, Send(keys=("a",))) == [("call_raised", "a", "a slip")] * 2


@pytest.mark.parametrize("after_crash", AfterCrash)
def test_a_call_that_answers_what_is_no_result_has_happened_and_is_in_doubt(after_crash: AfterCrash) -> None:
    outside = Outside()
    outside.answer = lambda _: Look()
    (_, (notes, open_calls)) = run(Disk(), outside, Send(keys=("a",), after_crash=after_crash), Look())
    assert notes == ("doubt a: Postman: Look is not listed",)
    assert open_calls == ("a",)
    assert outside.seen == ["a"]


def test_what_is_no_result_is_told_to_the_log() -> None:
    outside = Outside()
    outside.answer = lambda _: Look()
    slip = ("call_answered_no_result", "a", "Postman: Look is not listed")
    assert logged(Disk(), outside, Send(keys=("a",))) == [slip]


@pytest.mark.parametrize("crashes", [0, 1])
def test_a_start_does_not_make_a_call_again_that_has_answered_what_is_no_result(crashes: int) -> None:
    disk, outside = Disk(), Outside()
    outside.answer = lambda _: Look()
    outside.crashes = crashes
    run(disk, outside, Send(keys=("a",)), wait=0.1 if crashes else 60.0)
    run(disk, outside, Look())
    (_, (notes, open_calls)) = run(disk, outside, Look(), Look())
    assert (len(notes), open_calls) == (1, ("a",))
    assert outside.seen == ["a"]


def test_an_operator_settles_a_call_that_has_answered_what_is_no_result() -> None:
    outside = Outside()
    outside.answer = lambda _: Look()
    answers = run(Disk(), outside, Send(keys=("a",)), Settle(key="a"), Look())
    assert answers[2][0][1:] == ("answered a, says the operator",)
    assert answers[2][1] == ()


@pytest.mark.parametrize("writes_to", [None, Address("/postman/q")])
@pytest.mark.parametrize("after", [0.5, 4.5, 12.0])
def test_after_a_crash_a_call_is_made_again_though_nobody_writes_to_its_actor(
    after: float, writes_to: Address | None
) -> None:
    disk, outside = cut(Send(keys=("a",), writes_to=writes_to), after)

    async def wait(_: System) -> None:
        await trio.sleep(60)

    simulate(wait, seed=1, patterns=patterns(outside), disk=disk)
    assert outside.seen == ["a", "a"]
    assert "~outside/a" not in disk.kept[POSTMAN].rows
    assert disk.kept[POSTMAN].wake_at is None


def test_after_a_crash_the_actor_is_told_once_of_a_call_in_doubt_and_does_not_wake_for_it_again() -> None:
    disk, outside = cut(Send(keys=("a", "b"), after_crash=ASK))
    for _ in range(2):
        assert run(disk, outside, Look())[0][1] == ("a", "b")
        assert disk.kept[POSTMAN].wake_at is None
    assert run(disk, outside, Look())[0] == (("doubt a: None", "doubt b: None"), ("a", "b"))
    assert outside.seen == ["a", "b"]


def test_an_operator_says_repeat_and_the_call_is_made_under_the_same_key() -> None:
    disk, outside = cut(Send(keys=("a",), after_crash=ASK))
    run(disk, outside, Look())
    assert run(disk, outside, Repeat(key="a"), Look())[1] == (("doubt a: None", "answered a"), ())
    assert outside.seen == ["a", "a"]


def test_an_operator_says_what_came_of_a_call_and_it_is_handled_as_if_the_call_had_answered_it() -> None:
    disk, outside = cut(Send(keys=("a",), after_crash=ASK))
    run(disk, outside, Look())
    said = (("doubt a: None", "answered a, says the operator"), ())
    assert run(disk, outside, Settle(key="a"), Look())[1] == said
    assert outside.seen == ["a"]


def test_only_a_call_in_doubt_is_decided() -> None:
    answers = run(Disk(), Outside(), Send(keys=("a",)), Repeat(key="a"), Settle(key="b"), wait=0.0)
    assert [type(answer) for answer in answers[1:]] == [NotInDoubt, NotInDoubt]


# --- the disk, and handlers that crash -----------------------------------------------------------------


def test_a_result_waits_for_room_on_the_disk_and_the_call_is_not_made_again() -> None:
    disk, outside = Disk(), Outside()

    async def program(system: System) -> Any:
        await system.ref(POSTMAN).ask(Send(keys=("a",), after_crash=ASK))
        await trio.sleep(0.5)
        disk.faults.full = True
        with pytest.raises(CommitFailed):  # another, who is the first to find it full
            await system.ref(Address("/postman/q")).ask(Send(keys=("b",)))
        await trio.sleep(10)
        disk.faults.full = False
        await trio.sleep(60)
        return await system.ref(POSTMAN).ask(Look())

    outside.takes = 5.0
    answer = simulate(program, seed=1, patterns=patterns(outside), disk=disk).result
    assert answer == (("answered a",), ())
    assert outside.seen == ["a"]


def test_a_result_whose_handler_crashes_is_handled_again_and_the_call_is_not_made_again() -> None:
    outside = Outside()
    outside.crashes = 2
    answers = run(Disk(), outside, Send(keys=("a",), after_crash=ASK), Look())
    assert answers[1] == (("answered a",), ())
    assert (outside.seen, outside.crashes) == (["a"], 0)


# --- classes that cannot be ----------------------------------------------------------------------------


def test_calls_need_call_and_a_result_needs_a_handler() -> None:
    with pytest.raises(BadSpec, match="needs call"):
        type("NoCall", (OutsideActor,), {"calls": (Mail,)})
    with pytest.raises(BadSpec, match="no handler, in all states, for a result: Answered"):
        type("NoHandler", (OutsideActor,), {"results": (Answered,)})
