"""Messages between durable actors that survive a crash, and take effect once.

    class Payer(ReliableActor[Pay]):
        sends = (Credit,)

        @receive(Pay)
        def on_pay(self, message: Pay) -> None:
            self.ctx.stage(...)  # the change, and the message, are in one commit
            self.send(self.ctx.ref(message.to), Credit(amount=message.amount))

        def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...

The target is a ReliableActor too, and handles a Credit as any other: in the same turn and commit as the handler's
changes it keeps how far it has come in the sender's stream. What comes again because an answer was lost, or a
node, is answered from there. For each target one message is under way at a time, so the order of sending holds:
a message costs two commits, one after the other, and only lines to different targets share them.

Send to the actor itself, not to a router: what is delivered again could go to another routee, which has not seen it.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

from typing_extensions import override

from actors.actor import Context
from actors.address import Address
from actors.alarm import ROW as ALARM
from actors.alarm import Alarm, AlarmGuard, alarm_of
from actors.durable import Delete, Put, Stored, Woken, Write
from actors.errors import (
    ActorError,
    BadSpec,
    DirtyRefusal,
    OutboxFull,
    StoreFull,
    TooManyPipes,
)
from actors.guarded import GuardedActor
from actors.handlers import Handling, handled, overrides, receive
from actors.inbox import Inbox, Seen, row_of, seen_of
from actors.message import Deferred, Fits, Message
from actors.once import Ring
from actors.outbox import (
    Deliver,
    Delivered,
    Due,
    Letter,
    Line,
    Outbox,
    Refusal,
    Settled,
    crashed,
    is_final,
    why_given_up,
)
from actors.records import BadRecord, Form, Upcasts, dumped, loaded
from actors.ref import Ref
from actors.supervision import Backoff

M = TypeVar("M")
T = TypeVar("T")

Sends = tuple[type[Message[Any]], ...]

HEAD = "~outbox/head"
LETTERS = "~outbox/m/"
PAGE = 1_000
"""Letters that are read back at once."""
TIMER = "~outbox"
WITHIN = 30.0
"""Seconds that a delivery may take; then its handler is cancelled, and it is tried again."""
RESEND_AFTER = 5.0
"""Seconds after which a sender with letters is activated, if it is not there: its node was started again."""
ADDRESS_LIMIT = 1_000
"""Bytes of the address of a sender: it is part of a row's key at the target."""
AGAIN = Backoff(first=0.2, most=30.0)


class NotDeliverable(ActorError):
    """The handler of a delivered message has answered later (`defer`, `forward`); it is done in one turn."""


class ReliableActor(GuardedActor[M], Generic[M]):
    """A durable actor that sends what a crash does not lose (`send`), and takes it once.

    `class Account(EventSourced[M, S, E], ReliableActor[M])` is both.
    """

    reserved: ClassVar[Mapping[str, str]] = {
        "recover": "load",
        "bind": "started",
        "on_woken": "woken",
        "on_alarm": "woken",
        "on_deliver": "a handler of the message itself",
        "on_settled": "undelivered",
        "on_due": "undelivered",
        "send": "sends",
        "wake_at": "woken",
        "owes": "wake_at",
        "stage_owed": "wake_at",
        "once": "once_max",
        "seen": "once_max",
    }
    sends: ClassVar[Sends] = ()
    """The classes of what it sends: they are kept as JSON, and read back."""
    sends_upcasts: ClassVar[Upcasts] = {}
    """Of the messages that an earlier release has kept; they say `stored_version: ClassVar[int] = 2`."""
    outbox_max: ClassVar[int] = 10_000
    """Messages that wait to be delivered."""
    once_max: ClassVar[int] = 1_000
    """Ids that `once` remembers."""
    inbox_cache: ClassVar[int] = 1_000
    """Senders whose place is kept in memory besides."""
    __form: ClassVar[Form[Message[Any]]] = Form("outbox", (), {})

    @override
    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.__form = _form(cls)
        for kind in (Deliver, Settled, Due, Woken):
            if cls.handlers[kind] != ReliableActor.handlers[kind]:
                raise BadSpec(f"{cls.__name__}: {kind.__name__} has a handler of the framework's already")

    @override
    def bind(self, ctx: Context) -> None:
        super().bind(ctx)
        self.__guard = AlarmGuard(self.own)
        self._ctx = cast("Context", self.__guard)
        self.__outbox = Outbox()
        self.__tries_at: float | None = None
        self.__recovered = False
        self.__alarm = Alarm()
        self.__inbox = Inbox(self.inbox_cache)
        self.__done = Ring(self.once_max)

    # --- for the user ----------------------------------------------------------------------------------

    @overload
    def send(self, to: Ref[T], message: Fits[T, Any]) -> None: ...
    @overload
    def send(self, to: Address, message: Message[Any]) -> None: ...
    def send(self, to: Ref[Any] | Address, message: Any) -> None:
        """Send with this turn's commit; delivered, in order for each target, until it is taken or given up (`undelivered`).

        Send before you stage or persist: then a full outbox is a refusal, and no crash of a turn that has changed.
        The reply is dropped. Raises OutboxFull and StoreFull before anything has changed, BadSpec for what `sends`
        does not name, and in `load` and `apply`, BadRecord for what JSON does not bring back.
        """
        if not self.__recovered:  # it would be sent again by each start
            raise BadSpec(
                f"{self.own.address}: `load` and `apply` read back, and send nothing; `started` may"
            )
        box, address = self.__outbox, to.address if isinstance(to, Ref) else to
        value = self.__letter(address, message)
        if box.size >= self.outbox_max:
            raise OutboxFull(f"{self.own.address}: {self.outbox_max} messages wait to be delivered")
        stream, sequence = box.stream or self.own.entropy.token(), box.next
        head = dumped({"stream": stream, "next": sequence + 1})
        writes: list[Write] = [Put(_row(sequence), value), Put(HEAD, head)]
        self.stage_owed(writes, owes=True)
        box.stream, box.next = stream, sequence + 1
        box.add(address, Letter(sequence, message))
        self.__send_ready()

    @property
    def outbox_size(self) -> int:
        """Messages that wait to be delivered."""
        return self.__outbox.size

    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        """A message is given up, in the turn that forgets it: compensate here. If it crashes, it is called again.

        `why`: Refused; ActorCrashed, for the third time in a row; DeadLettered, of an actor that does not take it.
        A message whose target cannot be reached is never given up: it is tried until it can.
        """

    def wake_at(self, time: float | None) -> None:
        """Be activated at `time` for a turn of `woken`; None: no more. It replaces the time before. Raises StoreFull."""
        if time is not None and not math.isfinite(time):
            raise ValueError(f"wake_at takes a finite time or None, not {time}")
        self.__stage([], Alarm(time, self.__alarm.resend))

    def seen(self, name: str) -> bool:
        """Whether `once` has been called with it: of the last `once_max` ids."""
        return name in self.__done

    def once(self, name: str) -> bool:
        """Whether this is the first time that the id comes; it is kept with this turn's commit. Raises StoreFull."""
        if name in self.__done:
            return False
        self.own.stage(self.__done.write(name))
        self.__done.add(name)
        return True

    # --- for rooms of ours that owe something besides ---------------------------------------------------

    def owes(self) -> bool:
        """Whether there is something to do besides the outbox, so that the actor has to be back after a crash."""
        return False

    def stage_owed(self, writes: list[Write], *, owes: bool) -> None:
        """Stage; `owes`: with that the actor has to be back after a crash, though nobody writes to it."""
        resend = self.__alarm.resend
        if not owes:
            resend = None
        elif resend is None:
            resend = self.own.now + RESEND_AFTER
        self.__stage(writes, Alarm(self.__alarm.user, resend))

    # --- sending ---------------------------------------------------------------------------------------

    def __letter(self, to: Address, message: Message[Any]) -> bytes:
        form, mine = self.__form, self.own.address
        if len(mine) > ADDRESS_LIMIT:
            raise BadSpec(f"the address of who sends has at most {ADDRESS_LIMIT} bytes, {mine[:80]} has more")
        data = form.data(message)
        value = dumped({"to": to, **data})
        if form.read(value) != message:  # found now, and not by the start that reads it back
            raise BadRecord(f"{type(message).__name__} is not the same when it is read back from JSON")
        return value

    def __stage(self, writes: list[Write], alarm: Alarm) -> None:
        """Stage, then change memory: a full store leaves both as they are."""
        writes = [*writes, *alarm.writes(self.__alarm)]
        if writes:
            self.own.stage(*writes)
        self.__alarm = alarm

    def __send_ready(self) -> None:
        box, now = self.__outbox, self.own.now
        box.due(now)
        while (line := box.take()) is not None:
            try:
                self.__deliver(line)
            except TooManyPipes:
                box.later(line, now + AGAIN.first)
        at = box.next_try
        if at is not None and (self.__tries_at is None or at < self.__tries_at):
            self.own.timer(TIMER, max(0.0, at - now), Due())
            self.__tries_at = at

    def __deliver(self, line: Line) -> None:
        to, letter = line.to, line.letters[0]
        ref = self.own.ref(to)
        deliver = Deliver(
            sender=self.own.address,
            stream=self.__outbox.stream,
            sequence=letter.sequence,
            message=letter.message,
        )
        self.own.pipe(
            lambda: ref.ask(deliver, within=WITHIN),
            lambda result: Settled(to=to, sequence=letter.sequence, result=result),
        )

    @receive(Due)
    def on_due(self, message: Due) -> None:  # noqa: ARG002 -- it says all by its kind
        self.__tries_at = None
        self.__send_ready()

    @receive(Settled)
    def on_settled(self, message: Settled) -> None:
        line = self.__outbox.under_way(message.to, message.sequence)
        if line is None:
            return
        result = message.result
        if crashed(result):
            line.crashes += 1
        if isinstance(result, Exception) and not is_final(result, line.crashes):
            self.__try_later(line)
        else:
            self.__settle(line, why_given_up(line.to, result))
        self.__send_ready()

    def __settle(self, line: Line, why: ActorError | None) -> None:
        owes = self.__outbox.size > 1 or self.owes()
        try:
            self.stage_owed([Delete(_row(line.letters[0].sequence))], owes=owes)
        except StoreFull:
            self.__try_later(line)  # the target knows it, and answers the same
            return
        letter = self.__outbox.done(line)
        if why is not None:
            self.undelivered(line.to, letter.message, why)

    def __try_later(self, line: Line) -> None:
        line.failures += 1
        wait = AGAIN.delay(line.failures + 1, self.own.entropy.fraction())
        self.__outbox.later(line, self.own.now + wait)

    # --- being sent to ---------------------------------------------------------------------------------

    @receive(Deliver)
    async def on_deliver(self, message: Deliver) -> Delivered:
        seen = await self.__seen(message.sender)
        if seen is not None and (answer := seen.answer(message)) is not None:
            return answer
        table = self.behaviours.table(self.ctx.state) if self.initial else self.handlers
        handling = table.get(message.message.__class__)
        if handling is None:
            return Delivered(handled=False)
        guard = self.__guard
        guard.delivering = True
        try:
            refusal = await self.__handled(handling, message.message)
        finally:
            guard.delivering = False
        seen = Seen(message.stream, message.sequence, refusal)
        self.own.stage(Put(row_of(message.sender), seen.kept()))
        self.__inbox.add(message.sender, seen)
        return Delivered(refusal)

    async def __handled(self, handling: Handling, message: Message[Any]) -> Refusal | None:
        try:
            value = await handled(self, handling, message)
        except message.refusals as error:
            if self.own.changed:
                text = f"{self.own.address}: {type(error).__name__} was raised after a change"
                raise DirtyRefusal(text) from error
            return Refusal(type(error).__name__, str(error))
        if isinstance(value, Deferred):
            raise NotDeliverable(
                f"the handler of {type(message).__name__}, which was sent reliably, deferred it"
            )
        return None

    async def __seen(self, sender: Address) -> Seen | None:
        seen = self.__inbox.get(sender)
        if seen is None:
            (row,) = await self.own.read([row_of(sender)])
            if row is not None:
                seen = seen_of(row)
                self.__inbox.add(sender, seen)
        return seen

    # --- waking and reading back -----------------------------------------------------------------------

    @receive(Woken)
    def on_alarm(self, message: Woken) -> None:  # noqa: ARG002 -- it says all by its kind
        if self.__overdue():
            self.woken()
        if not self.__overdue():  # a time in the past, staged again, would wake it at once, for ever
            resend = self.__resend_at() if self.__outbox.size or self.owes() else None
            with suppress(StoreFull):  # the runtime wakes it again
                self.__stage([], Alarm(self.__alarm.user, resend))
        self.__send_ready()

    def __resend_at(self) -> float:
        # an actor whose lines all wait has its timers for them: each alarm is a commit
        return max(self.own.now + RESEND_AFTER, self.__outbox.rests_until or 0.0)

    def __overdue(self) -> bool:
        return self.__alarm.user is not None and self.__alarm.user <= self.own.now

    @override
    async def recover(self, stored: Stored) -> None:
        head, alarm = await stored.get([HEAD, ALARM])
        self.__alarm = alarm_of(alarm)
        if head is not None:
            await self.__load_outbox(head, stored)
        await self.__done.load(stored)
        await super().recover(stored)
        if self.__outbox.size:
            self.own.timer(TIMER, 0.0, Due())
            self.__tries_at = self.own.now
        self.__recovered = True

    async def __load_outbox(self, head: bytes, stored: Stored) -> None:
        box, after = self.__outbox, ""
        match loaded(head):
            case {"stream": str() as stream, "next": int() as after_last}:
                box.stream, box.next = stream, after_last
            case _:
                raise BadRecord(f"{HEAD}: it is a stream and a number")
        while page := await stored.scan(LETTERS, after, PAGE):
            for key, value in page:
                data = loaded(value)
                letter = Letter(int(key.removeprefix(LETTERS)), self.__form.value(data))
                box.add(Address(str(data.get("to"))), letter)
            after = page[-1][0]


def _row(sequence: int) -> str:
    return f"{LETTERS}{sequence:016}"


def _form(cls: type[ReliableActor[Any]]) -> Form[Message[Any]]:
    for kind in cast("tuple[Any, ...]", cls.sends):
        if not (isinstance(kind, type) and issubclass(kind, Message)):
            raise BadSpec(f"{cls.__name__}.sends names classes of messages, {kind} is none")
    if cls.sends and not overrides(cls, "undelivered", ReliableActor):
        raise BadSpec(f"{cls.__name__} sends: it needs undelivered, for what its target does not take")
    if cls.outbox_max < 1 or cls.once_max < 1 or cls.inbox_cache < 1:
        raise BadSpec(f"{cls.__name__}: outbox_max, once_max and inbox_cache are at least 1")
    form = Form(f"{cls.__name__}.sends", cls.sends, cls.sends_upcasts)
    form.check()
    return form
