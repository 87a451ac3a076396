"""Calls to the outside, where nothing is exactly once: a payment, a mail, an HTTP post.

    class Till(OutsideActor[Pay | Charged | Declined]):
        calls = (Charge,)
        results = (Charged, Declined)

        @receive(Pay)
        def on_pay(self, message: Pay) -> None:
            self.ctx.stage(...)  # the change, and that the call is to be made, are in one commit
            self.outside(message.order, Charge(amount=message.amount), after_crash=AfterCrash.ASK)

        async def call(self, key: str, request: Record) -> Charged | Declined:  # behind the commit, outside the turn
            return await self.bank.charge(request, idempotency_key=key)

        @receive(Charged)
        def on_charged(self, message: Charged) -> None: ...  # once

        def in_doubt(self, key: str, request: Record, why: Exception | None) -> None: ...  # tell an operator

A row says that the call is to be made, and then what came of it; the handler's commit deletes it. What a call answers
is its result, and has a handler as any other message. One that raised, or whose actor ended before the answer was
kept, may have happened or not: REPEAT makes it again under the same key, which is safe where the other side knows
keys, and ASK leaves it to `in_doubt`. One that answered what is none of `results` has happened, so that it is not made
again, under REPEAT neither: it is in doubt. No order holds between calls.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel
from typing_extensions import override

from actors.actor import Context
from actors.durable import Delete, Put, Stored, Write
from actors.errors import REFUSALS, BadSpec, CallOpen, NotInDoubt, TooManyCalls
from actors.handlers import handled, overrides, receive
from actors.message import Deferred, Message
from actors.outside_call import AfterCrash, Call, Phase
from actors.records import BadRecord, Data, Form, Record, Upcasts, dumped, loaded
from actors.reliable import AGAIN, NotDeliverable, ReliableActor

__all__ = ["AfterCrash", "Call", "Calls", "OutsideActor", "Phase", "Results"]

M = TypeVar("M")

Calls = tuple[type[Record], ...]
Results = tuple[type[Message[Any]], ...]

ROWS = "~outside/"
PAGE = 1_000
"""Rows that are read back at once."""
TIMER = "~outside"


class Returned(Message[None]):
    """To oneself: what a call has answered, or raised."""

    key: str
    result: Any


class NextCall(Message[None]):
    """To oneself: a call is due for its next step."""


class OutsideActor(ReliableActor[M], Generic[M]):
    """A ReliableActor that calls the outside: `outside`, `call`, and for what may have happened or not, `in_doubt`.

    `class Till(EventSourced[M, S, E], OutsideActor[M])` is event-sourced besides.
    """

    reserved: ClassVar[Mapping[str, str]] = {
        "outside": "call",
        "repeat": "in_doubt",
        "settle": "in_doubt",
        "open_calls": "calls_max",
        "on_returned": "a handler of the result",
        "on_next_call": "a handler of the result",
    }
    calls: ClassVar[Calls] = ()
    """The classes of what `outside` takes: it is kept as JSON, and read back."""
    results: ClassVar[Results] = ()
    """The classes of what `call` answers; each has a handler, in all states."""
    calls_upcasts: ClassVar[Upcasts] = {}
    """Of both, as an earlier release has kept them."""
    calls_max: ClassVar[int] = 1_000
    """Calls that are open at a time, those in doubt counted."""
    __form: ClassVar[Form[BaseModel]] = Form("calls", (), {})

    @override
    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.__form = _form(cls)
        for kind in (Returned, NextCall):
            if cls.handlers[kind] != OutsideActor.handlers[kind]:
                raise BadSpec(f"{cls.__name__}: {kind.__name__} has a handler of the framework's already")

    @override
    def bind(self, ctx: Context) -> None:
        super().bind(ctx)
        self.__open: dict[str, Call] = {}
        self.__loaded = False

    # --- for the user ----------------------------------------------------------------------------------

    def outside(self, key: str, request: Record, *, after_crash: AfterCrash) -> None:
        """Make a call when this turn's commit is durable; `key` is its idempotency key, and names it while it is open.

        Raises CallOpen, TooManyCalls and StoreFull before anything has changed, BadSpec for what `calls` does not
        name, and in `load` and `apply`, BadRecord for what JSON does not bring back.
        """
        if not self.__loaded:  # each start would call again
            raise BadSpec(
                f"{self.own.address}: `load` and `apply` read back, and call nothing; `started` may"
            )
        if after_crash is AfterCrash.ASK and not overrides(type(self), "in_doubt", OutsideActor):
            raise BadSpec(f"{type(self).__name__} calls with ASK: it needs in_doubt")
        if key in self.__open:
            raise CallOpen(f"{self.own.address}: a call {key!r} is open")
        if len(self.__open) >= self.calls_max:
            raise TooManyCalls(f"{self.own.address}: {self.calls_max} calls are open")
        self.__same(request, self.calls)
        call = Call(key, request, after_crash, Phase.CALL, self.own.now)
        self.__stage(call, Phase.CALL)
        self.__open[key] = call
        self.__arm()

    async def call(self, key: str, request: Record) -> Message[Any]:
        """Make the call, and answer one of `results`; a definite refusal of the other side's is a result too.

        It is no turn: what it changes in the actor nobody commits. What it raises leaves open whether the call has
        happened. It has no deadline but its own.
        """
        raise NotImplementedError

    def in_doubt(self, key: str, request: Record, why: Exception | None) -> None:
        """A call with ASK may have happened or not; `why` is what it raised, None: the actor ended meanwhile.

        BadSpec and BadRecord: it has happened, with either policy, and its answer cannot be kept. It is called once, in a turn. `repeat` or `settle`, in it or in any later turn, decides; if it crashes, it is
        called again.
        """

    def repeat(self, key: str) -> None:
        """Make a call that is in doubt again, under the same key. Raises NotInDoubt, StoreFull."""
        call = self.__doubtful(key)
        self.__stage(call, Phase.CALL)
        self.__next(call, Phase.CALL)
        self.__arm()

    def settle(self, key: str, result: Message[Any]) -> None:
        """A call that is in doubt has come to this: it is handled as if the call had answered it.

        Raises NotInDoubt and StoreFull, BadSpec and BadRecord for what cannot be kept.
        """
        call = self.__doubtful(key)
        self.__same(result, self.results)
        self.__stage(call, Phase.KEPT, result)
        call.result = result
        self.__next(call, Phase.KEPT)
        self.__arm()

    @property
    def open_calls(self) -> Mapping[str, Call]:
        """Key -> a call whose result is not handled yet: to be looked at, and not to be changed."""
        return MappingProxyType(self.__open)

    # --- one step of one call a turn -------------------------------------------------------------------

    @receive(NextCall)
    async def on_next_call(self, message: NextCall) -> None:  # noqa: ARG002 -- it says all by its kind
        call = min((call for call in self.__open.values() if call.waits), key=_due, default=None)
        if call is not None and call.due <= self.own.now:
            await self.__step_or_later(call)
        self.__arm()

    @receive(Returned)
    async def on_returned(self, message: Returned) -> None:
        call = self.__open[message.key]
        if isinstance(message.result, Exception):
            self.__raised(call, message.result)
        elif (slip := self.__slip(message.result)) is not None:
            self.own.warn("call_answered_no_result", slip, key=call.key)
            call.why, call.after_crash = slip, AfterCrash.ASK
            self.__next(call, Phase.SLIPPED)
        else:
            call.result = message.result
            self.__next(call, Phase.GAINED)
        if call.due <= self.own.now:
            await self.__step_or_later(call)
        self.__arm()

    def __raised(self, call: Call, error: Exception) -> None:
        call.why = error
        if call.after_crash is AfterCrash.ASK:
            self.__next(call, Phase.DOUBT)
        else:
            self.own.warn("call_raised", error, key=call.key, failures=call.failures + 1)
            call.phase = Phase.CALL
            self.__later(call)

    def __slip(self, result: Any) -> Exception | None:
        """Why it is no result."""
        try:
            self.__same(result, self.results)
        except (BadSpec, BadRecord) as error:
            return error
        return None

    async def __step_or_later(self, call: Call) -> None:
        try:
            await self.__step(call)
        except REFUSALS:
            # the disk is full, or pipes are: nothing has changed, and nobody is there to be refused
            if self.own.changed:
                raise
            self.__later(call)

    async def __step(self, call: Call) -> None:
        match call.phase:
            case Phase.CALL:
                self.__begin(call)
            case Phase.GAINED:
                self.__stage(call, Phase.KEPT, call.result)
                self.__next(call, Phase.KEPT)
            case Phase.KEPT:
                await self.__handle(call)
            case Phase.SLIPPED:  # its row says ASK before `in_doubt` can crash: no start makes it again
                self.__stage(call, Phase.DOUBT)
                self.__next(call, Phase.DOUBT)
            case Phase.DOUBT:
                self.__ask(call)
            case Phase.CALLING | Phase.ASKED:
                raise AssertionError(f"{call.key} waits for somebody else")

    def __ask(self, call: Call) -> None:
        self.in_doubt(call.key, call.request, call.why)
        if call.phase is Phase.DOUBT:  # it has not decided yet
            self.__stage(call, Phase.ASKED)
            self.__next(call, Phase.ASKED)

    def __begin(self, call: Call) -> None:
        key = call.key

        self.own.pipe(lambda: self.call(key, call.request), lambda result: Returned(key=key, result=result))
        call.phase = Phase.CALLING

    async def __handle(self, call: Call) -> None:
        result = cast("Message[Any]", call.result)
        table = self.behaviours.table(self.own.state) if self.initial else self.handlers
        value = await handled(self, table[type(result)], result)
        if isinstance(value, Deferred):
            raise NotDeliverable(f"the handler of {type(result).__name__}, a call's result, deferred it")
        self.stage_owed([Delete(ROWS + call.key)], owes=self.outbox_size > 0 or self.__owed(but=call))
        del self.__open[call.key]

    def __next(self, call: Call, phase: Phase) -> None:
        call.phase, call.due, call.failures = phase, self.own.now, 0

    def __later(self, call: Call) -> None:
        call.failures += 1
        call.due = self.own.now + AGAIN.delay(call.failures + 1, self.own.entropy.fraction())

    def __arm(self) -> None:
        due = min((call.due for call in self.__open.values() if call.waits), default=None)
        if due is not None:
            self.own.timer(TIMER, max(0.0, due - self.own.now), NextCall())

    def __doubtful(self, key: str) -> Call:
        call = self.__open.get(key)
        if call is None or call.phase not in (Phase.DOUBT, Phase.ASKED):
            raise NotInDoubt(f"{self.own.address}: no call {key!r} is in doubt")
        return call

    # --- rows ------------------------------------------------------------------------------------------

    def __same(self, value: BaseModel, kinds: tuple[type[BaseModel], ...]) -> None:
        """Found now, and not by the start that reads it back."""
        if not isinstance(value, kinds):
            raise BadSpec(f"{type(self).__name__}: {type(value).__name__} is not listed")
        if self.__form.read(self.__form.write(value)) != value:
            raise BadRecord(f"{type(value).__name__} is not the same when it is read back from JSON")

    def __stage(self, call: Call, phase: Phase, result: BaseModel | None = None) -> None:
        kept: Data = {
            "call": self.__form.data(call.request),
            "after_crash": call.after_crash.value,
            "asked": phase is Phase.ASKED,
            "result": None if result is None else self.__form.data(result),
        }
        writes: list[Write] = [Put(ROWS + call.key, dumped(kept))]
        owes = phase is not Phase.ASKED or self.outbox_size > 0 or self.__owed(but=call)
        self.stage_owed(writes, owes=owes)

    @override
    def owes(self) -> bool:
        return self.__owed()

    def __owed(self, but: Call | None = None) -> bool:
        # who waits for an operator has nothing to do after a crash
        return any(call.phase is not Phase.ASKED for call in self.__open.values() if call is not but)

    @override
    async def recover(self, stored: Stored) -> None:
        after = ""
        while page := await stored.scan(ROWS, after, PAGE):
            for row, value in page:
                call = self.__read(row.removeprefix(ROWS), loaded(value))
                self.__open[call.key] = call
            after = page[-1][0]
        await super().recover(stored)
        self.__loaded = True
        self.__arm()

    def __read(self, key: str, kept: Data) -> Call:
        match kept:
            case {"call": request, "after_crash": "repeat" | "ask" as after_crash, "asked": bool() as asked}:
                made = cast("Record", self.__value(request))
                call = Call(key, made, AfterCrash(after_crash), Phase.CALL, self.own.now)
            case _:
                raise BadRecord(f"{ROWS}: a kept call is a request and a policy")
        if (result := kept.get("result")) is not None:
            call.result = cast("Message[Any]", self.__value(result))
            call.phase = Phase.KEPT
        elif call.after_crash is AfterCrash.ASK:
            call.phase = Phase.ASKED if asked else Phase.DOUBT
        return call

    def __value(self, found: Any) -> BaseModel:
        if not isinstance(found, dict):
            raise BadRecord(f"{ROWS}: a kept call and its result are JSON objects")
        return self.__form.value(cast("Data", found))


def _due(call: Call) -> float:
    return call.due


def _form(cls: type[OutsideActor[Any]]) -> Form[BaseModel]:
    if cls.calls and not overrides(cls, "call", OutsideActor):
        raise BadSpec(f"{cls.__name__} has calls: it needs call")
    if cls.calls_max < 1:
        raise BadSpec(f"{cls.__name__}.calls_max is at least 1")
    for kind in cls.results:
        if kind not in cls.handlers:
            raise BadSpec(f"{cls.__name__} has no handler, in all states, for a result: {kind.__name__}")
    form: Form[BaseModel] = Form(f"{cls.__name__}.calls", (*cls.calls, *cls.results), cls.calls_upcasts)
    form.check()
    return form
