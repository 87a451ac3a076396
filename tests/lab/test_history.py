"""What a history knows of asks: their order, and which ends are known."""

from typing import Any

import pytest
import trio

from actors import Actor, Message, Ref, Spec, receive
from actors.errors import ActorCrashed, ActorError, AskTimeout
from runtime import System
from runtime.lab.history import End, History, Operation
from runtime.testing import simulated


class Refused(Exception):
    pass


class Do(Message[str], raises=(Refused,)):
    how: str


class Doer(Actor[Do]):
    @receive(Do)
    async def on_do(self, message: Do) -> str:
        if message.how == "refuse":
            raise Refused
        if message.how == "crash":
            raise LookupError
        if message.how == "late":
            await trio.sleep(5)
        return message.how


async def ends_of(system: System, how: str, **more: Any) -> tuple[Operation, BaseException | None]:
    history, error = History(system.clock.now), None
    doer: Ref[Do] = system.spawn(Spec(Doer))
    try:
        await history.client("c").ask(doer, Do(how=how), **more)
    except (ActorError, Refused) as raised:
        error = raised
    (operation,) = history.operations
    return operation, error


@simulated(seeds=3)
async def test_an_answer_is_recorded_with_its_times(system: System) -> None:
    began = system.clock.now()
    operation, _ = await ends_of(system, "late")
    assert (operation.client, operation.op, operation.args) == ("c", "Do", Do(how="late"))
    assert (operation.end, operation.result) == (End.ANSWERED, "late")
    assert operation.returned_at - operation.called_at == pytest.approx(5)
    assert operation.called_at == began


@simulated(seeds=3)
async def test_a_refusal_that_the_message_lists_is_a_known_end(system: System) -> None:
    operation, error = await ends_of(system, "refuse")
    assert operation.end is End.REFUSED
    assert operation.error is error
    assert isinstance(error, Refused)


@simulated(seeds=3)
async def test_after_a_timeout_or_a_crash_the_operation_stays_open(system: System) -> None:
    for how, kind in (("late", AskTimeout), ("crash", ActorCrashed)):
        operation, error = await ends_of(system, how, within=1.0)
        assert isinstance(error, kind)
        assert operation.end is End.UNKNOWN
        assert operation.ended == operation.returned_at == float("inf")


@simulated(seeds=3)
async def test_a_client_that_is_cut_leaves_its_operation_open(system: System) -> None:
    history = History(system.clock.now)
    doer: Ref[Do] = system.spawn(Spec(Doer))
    with trio.move_on_after(1) as cut:
        await history.client("c").ask(doer, Do(how="late"))
    assert cut.cancelled_caught
    assert [one.end for one in history.operations] == [End.UNKNOWN]


@simulated(seeds=3)
async def test_calls_and_returns_of_one_instant_have_an_order(system: System) -> None:
    history = History(system.clock.now)
    doer: Ref[Do] = system.spawn(Spec(Doer))
    for how in ("a", "b"):
        await history.client("c").ask(doer, Do(how=how))
    first, second = history.operations
    assert first.called_at == second.returned_at
    assert first.begun < first.ended < second.begun < second.ended


def test_an_operation_ends_once() -> None:
    history = History(lambda: 0.0)
    operation = history.begin("c", "put", 1)
    history.answered(operation, None)
    with pytest.raises(ValueError, match="operation 0, put, has ended already"):
        history.refused(operation, LookupError())


def test_a_history_is_told_in_a_models_words_and_leaves_out_what_the_model_does_not_know() -> None:
    history = History(lambda: 0.0)
    history.answered(history.begin("c", "Do", Do(how="x")), "y")
    history.begin("c", "other", 1)
    (call,) = history.as_calls({Do: lambda message, result: ("put", message.how, result.upper())})
    assert (call.op, call.args, call.result, call.end) == ("put", "x", "Y", End.ANSWERED)
    assert call.begun == history.operations[0].begun
