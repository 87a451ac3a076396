"""An actor: state of its own, and one handler for each message of its protocol.

    class Counter(Actor[CounterMessage]):
        @receive(Add)
        def on_add(self, message: Add) -> int: ...

A handler is `def` where it need not wait. It answers the reply, or `self.ctx.defer(...)`. Its context is the
only way out: each method that reaches another is an effect, numbered in its incarnation, and refused with
`Fenced` once the incarnation is over.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar, cast, overload

from typing_extensions import override

from actors.address import Address
from actors.behaviours import Behaviours, Elsewhere, behaviours_of, inherited_by, kinds_of, states_of
from actors.calls import check_calls, no_context
from actors.chance import Chance
from actors.errors import BadSpec
from actors.event import Event, Key
from actors.forms import check_class, check_spec
from actors.handlers import Handling, handlers_of, marks, overrides
from actors.mailbox import MAILBOX_CAPACITY, Overflow
from actors.message import AsMessage, Deferred, Fits, Message
from actors.reasons import Activated, Fresh, Restarted, StartReason, StopReason
from actors.ref import Ref
from actors.supervision import (
    DROP,
    AutoShutdown,
    Backoff,
    Directive,
    Drop,
    Intensity,
    Restart,
    Retry,
    Strategy,
)

__all__ = ["Activated", "Actor", "Context", "Fresh", "Restarted", "Spec", "StartReason", "StopReason"]

M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")


class Context(Protocol):
    """One incarnation's way out. Use it from the actor's own turn only."""

    @property
    def address(self) -> Address:
        """Where this actor lives; the same over restarts."""
        ...

    @property
    def now(self) -> float:
        """Seconds since 1970 UTC that never go back; the same for a whole turn, except after an await."""
        ...

    @property
    def wall(self) -> float:
        """The wall clock, seconds since 1970 UTC, for calendars alone: it may go back."""
        ...

    @property
    def entropy(self) -> Chance:
        """The only source of chance: ids, tokens, choices that a simulation can repeat."""
        ...

    @property
    def me(self) -> Ref[Any]:
        """A ref to this actor, to be handed to others."""
        ...

    @property
    def deferred(self) -> Mapping[str, Any]:
        """The askers that still wait: key -> message, oldest first."""
        ...

    def tell(self, ref: Ref[M], message: Fits[M, Any]) -> None:
        """Send when the turn has ended; of a durable actor when its commit is durable."""
        ...

    def ref(self, address: Address) -> Ref[Any]:
        """A ref to whoever lives at `address`."""
        ...

    def pipe(self, work: Callable[[], Awaitable[T]], as_: Callable[[T | Exception], Message[Any]]) -> None:
        """Run `work` as a task of this incarnation; its result, or its failure, comes back as the message `as_` makes of it.

        It is an output: of a durable actor it begins behind the commit. It is cancelled with the incarnation.
        Raises TooManyPipes.
        """
        ...

    @overload
    def defer(self, key: str) -> Deferred[Any]: ...
    @overload
    def defer(self, key: str, *, deadline: float, on_deadline: R) -> Deferred[R]: ...
    def defer(self, key: str, *, deadline: float | None = None, on_deadline: Any = None) -> Deferred[Any]:
        """`return self.ctx.defer(key)`: keep this turn's asker under `key`, until `resolve` or `refuse`.

        After `deadline` seconds it gets `on_deadline`, with no turn. Whom a restart or a stop finds waiting gets
        ActorRestarted or ActorStopped. Raises TooManyDeferred, ValueError for a key that has an asker.
        """
        ...

    def resolve(self, key: str, reply: Any) -> None:
        """Answer the deferred asker of `key`, in order with the turn's other outputs; nobody there: nothing happens."""
        ...

    def refuse(self, key: str, error: Exception) -> None:
        """As `resolve`, but the asker gets `error` raised: a refusal that the deferred message lists."""
        ...

    def timer(
        self,
        key: str,
        after: float,
        message: Message[Any],
        *,
        every: float | None = None,
        mode: Literal["delay", "rate"] = "delay",
    ) -> None:
        """Tell oneself `message` in `after` seconds from now; the same key replaces. 0: behind the mail there is.

        With `every` it comes again: so many seconds after its turn has ended (`delay`), or on a fixed grid (`rate`),
        where what was missed is merged into one message, whose field `missed`, if it has one, says how many.
        It is an output: a turn that crashes, or is cancelled, has set no timer and cancelled none.
        Raises TimerLimit (`TIMERS_MAX`), ValueError for a negative `after` and an `every` of 0 or less.
        """
        ...

    def cancel(self, key: str) -> None:
        """Afterwards no message of that timer is handled, even if it waits in the mailbox."""
        ...

    def receive_timeout(self, after: float | None, message: Message[Any] | None = None) -> None:
        """Tell oneself `message` (ReceiveTimeout) whenever no message has come for `after` seconds; None: no longer.

        The actor's own timers do not count as messages. Raises TimerLimit, ValueError for an `after` of 0 or less.
        """
        ...

    @property
    def state(self) -> str:
        """The state that the actor is in; empty for one without states."""
        ...

    def become(self, state: str) -> None:
        """Handle messages as `state` says from the next one on; what was stashed comes back behind this turn.

        It cancels the state's timeout. Raises BadMachine for a state that no handler names.
        """
        ...

    def state_timeout(self, after: float, message: Message[Any]) -> None:
        """Tell oneself `message` in `after` seconds, unless the next `become` comes first. Raises as `timer`."""
        ...

    def stash(self) -> Deferred[Any]:
        """`return self.ctx.stash()`: put this message aside, its asker waits. Raises StashFull at the mailbox's bound."""
        ...

    def unstash(self, count: int | None = None) -> None:
        """The `count` oldest stashed messages, or all, come next, in their order."""

    def watch(self, ref: Ref[Any], as_: AsMessage | None = None, *, restarts: bool = False) -> None:
        """Be told once, by `Terminated` or what `as_` makes of it, when whoever lives there has ended for good.

        A restart is no end, passivation is none. It comes behind all that the watched one had sent. Without a handler
        for it the watcher fails with DeathPact; with nobody there the call itself raises that. Its own restart ends its
        watches. `restarts`: be told of each restart and discard too, by `runtime.events.ActorIsUpAgain`; of those that
        wait the newest alone, its `incarnation` counts. Raises MissingHandler for it, ValueError for oneself.
        """
        ...

    def unwatch(self, ref: Ref[Any]) -> None:
        """Afterwards no `Terminated` of it is handled, nor any restart, even if it waits in the mailbox."""
        ...

    def forward(self, ref: Ref[Any]) -> Deferred[Any]:
        """`return self.ctx.forward(ref)`: hand this message on behind the turn; its asker is answered from there.

        The asker gets whatever the other says, or DeadLettered when nobody lives there: this actor learns of neither.
        """
        ...

    def answer(self, work: Callable[[], Awaitable[T]], then: Message[Any] | None = None) -> Deferred[T]:
        """`return self.ctx.answer(work)`: the asker gets the result of `work`, or its failure; the actor is free.

        It is a task of this incarnation, begun behind the turn, and cancelled when the asker leaves. `then` is told
        to oneself when it is over, however that came. Raises TooManyPipes, TooManyDeferred.
        """
        ...

    def backlog(self, ref: Ref[Any]) -> int:
        """How many messages an actor of this node has before it, the one in its hands included; 0: nobody is there."""
        ...

    def warn(self, event: str, error: Exception, **fields: Any) -> None:
        """A line in the node's log, of what went wrong and nobody is there to be told of."""

    def thread(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        """Run what blocks in a thread; await it in a pipe, or in the turn of a volatile actor. It cannot be stopped.

        In a simulation it runs inline. Raises NotInADurableTurn.
        """
        ...

    def process(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        """Run a module's function that computes in another process; arguments and result are JSON or bytes.

        It is killed when it is cancelled. Raises WorkerFailed, WorkerDied, NotInADurableTurn.
        """
        ...

    def spawn(self, spec: "Spec[M]") -> Ref[M]:
        """Start a child, when the turn has ended; of a durable actor when its commit is durable. Raises NameTaken.

        Raises BadSpec for a child that this supervisor cannot have, TooManyChildren. The ref may be told to at once. Asked in the same turn, the child starts then; it ends if the turn is cut.
        """
        ...

    def start_child(self, *args: Any, name: str | None = None) -> Ref[Any]:
        """As `spawn`, of the class's template, for the DYNAMIC strategy. Raises TooManyChildren, NameTaken, BadSpec."""
        ...

    def children(self) -> list[Ref[Any]]:
        """The children that live, in the order in which they were spawned."""
        ...

    def register(self, key: Key[Any]) -> None:
        """Be found by `key`, when the turn has ended; over restarts, until the end. Raises KeyTaken."""
        ...

    def deregister(self, key: Key[Any]) -> None:
        """Be found by `key` no longer; well before one stops, so that nobody writes any more."""
        ...

    def find(self, key: Key[M]) -> list[Ref[M]]:
        """Who holds `key` now."""
        ...

    def subscribe(self, to: type[Event] | Key[Any]) -> None:
        """Be told each event of a kind (lossy), or a `Listing` of a key's holders now and at each change."""
        ...

    def join(self, group: str) -> None:
        """Be a member, when the turn has ended, until this incarnation ends: `started` joins anew. Twice is once."""
        ...

    def leave(self, group: str) -> None:
        """Be a member no longer."""
        ...

    def publish(self, group: str, message: Message[Any]) -> None:
        """Tell all present members, oneself too if one is."""
        ...

    def stop(self, ref: Ref[Any] | None = None) -> None:
        """Stop a child, or oneself, when the turn has ended; of whoever is no child of this actor nothing happens."""
        ...


class Actor(Generic[M]):
    """Derive with the protocol, `class Queue(Actor[QueueMessage])`, and give each member one `@receive` handler.

    Raises MissingHandler, DuplicateHandler, ForeignHandler, BadHandler or BadSpec when the class is created.
    """

    handlers: ClassVar[Mapping[type, Handling]] = {}
    deferred_max: ClassVar[int] = 10_000
    """Askers that wait for `ctx.resolve` at a time; one more gets TooManyDeferred."""
    pipes_max: ClassVar[int] = 1_000
    """Pipes under way at a time, their unhandled results counted; one more gets TooManyPipes."""
    threads_max: ClassVar[int] = 4
    """Threads of `ctx.thread` at work for the class at a time."""
    max_turn: ClassVar[float] = float("inf")
    """Seconds that a turn may take from its first wait on; then it is cancelled and has crashed: TurnTooLong.

    One that goes on for `stop_grace` more is left behind, and the actor restarts without it.
    """
    initial: ClassVar[str] = ""
    """The state it begins in, if it has handlers that name one."""
    elsewhere: ClassVar[Elsewhere] = Elsewhere.POSTPONE
    """What becomes of a message that only other states have a handler for."""
    behaviours: ClassVar[Behaviours] = Behaviours()
    children_max: ClassVar[int] = 10_000
    """One more gets TooManyChildren."""
    strategy: ClassVar[Strategy] = Strategy.ONE_FOR_ONE
    """Of the supervisor that the actor becomes with its first child."""
    template: ClassVar["Spec[Any] | None"] = None
    """What each child of a DYNAMIC one is built from."""
    auto_shutdown: ClassVar[AutoShutdown] = AutoShutdown.NEVER
    """Whether it ends when its significant children have ended."""
    durable: ClassVar[bool] = False
    """DurableActor's, and only its."""
    interleaves: ClassVar[bool] = False
    lets_in: ClassVar[bool] = False
    reads_only: bool = False
    """A `readonly` handler is in its turn."""
    starts_itself: ClassVar[bool] = False
    """It has a `started` of its own; the other two likewise."""
    stops_itself: ClassVar[bool] = False
    cleans_up: ClassVar[bool] = False
    _ctx: Context

    @override
    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        if cls.template is not None:
            need_spec(cls.template)
        check_class(cls)
        check_calls(cls)
        inherited, behaviours = inherited_by(cls)
        in_states = states_of(cls, behaviours.own)
        cls.handlers = handlers_of(cls, inherited, Actor, kinds_of(in_states))
        cls.behaviours = behaviours_of(
            cls, behaviours, cls.handlers, in_states, initial=cls.initial, elsewhere=cls.elsewhere
        )
        if not cls.durable and overrides(cls, "load", Actor):
            raise BadSpec(f"{cls.__name__}.load: nobody loads a volatile actor; derive from DurableActor")
        tables = (cls.handlers, *cls.behaviours.tables.values())
        cls.interleaves, cls.lets_in = marks(cls, tables, durable=cls.durable)
        cls.starts_itself = overrides(cls, "started", Actor) or cls.initial in cls.behaviours.entries
        cls.stops_itself = overrides(cls, "stopping", Actor)
        cls.cleans_up = overrides(cls, "stopped", Actor)

    @property
    def ctx(self) -> Context:
        """The way out; there from `started` on, before it is AttributeError."""
        try:
            return self._ctx
        except AttributeError:
            raise AttributeError(no_context(self)) from None

    def bind(self, ctx: Context) -> None:
        """Give a new incarnation its context; the runtime's business."""
        self._ctx = ctx

    def holds_nothing(self) -> bool:
        """Whether nobody loses anything with it.

        Then, activated by its address, it goes with its first refusal and not after `idle_after`: a name that
        nobody has made costs no memory.
        """
        return False

    async def started(self, reason: StartReason) -> None:
        """Runs before the first message, within the spec's `start_timeout`; a failure here is StartFailed."""

    async def stopping(self, reason: StopReason) -> None:
        """Runs on an orderly stop, within the spec's `stop_grace`; it cannot veto."""

    def stopped(self, reason: StopReason) -> None:
        """Runs exactly once for each incarnation whose `started` was entered: the place for cleanup."""


BACKOFF, INTENSITY = Backoff(), Intensity()  # one of each for all specs: 120 bytes less for an address


@dataclass(frozen=True, slots=True)
class Spec(Generic[M]):
    """How to build and keep a child. Data: a restart builds from it, so `args` hold nothing of an old incarnation.

    Raises BadSpec for what cannot be.
    """

    actor: Callable[..., Actor[M]]
    """Called with `args` for each incarnation."""
    args: tuple[Any, ...] = ()
    name: str | None = None
    """Unique among siblings; None: counted (`worker-7`)."""
    restart: Restart = Restart.PERMANENT
    """Whether it is started again at all; what kind of failure means what say `directives`."""
    directives: tuple[tuple[type[Exception], Directive], ...] = ()
    """By exception type, first match wins, then RESTART.

    A handler's own nursery raises an ExceptionGroup, which `except ValueError` does not catch: of a group each leaf
    is matched, and the most severe directive wins.
    """
    backoff: Backoff = BACKOFF
    """How long a restart of this actor waits."""
    intensity: Intensity = INTENSITY
    """For the children of this actor, taken together; for an actor activated by its address, for itself alone."""
    keep_children: bool = False
    """Its children outlive its restarts: the new incarnation finds them in `ctx.children()`."""
    significant: bool = False
    """Its end, if it comes by itself and for good, counts for its supervisor's `auto_shutdown`; not for PERMANENT ones."""
    fail_fast: bool = False
    """While it waits for its restart, asks get ActorRestarting at once; else they wait for the new incarnation."""
    poison: Drop | Retry = DROP
    """What becomes of a message that crashed the actor."""
    capacity: int = MAILBOX_CAPACITY
    """Messages that its mailbox holds, and as many its stash."""
    overflow: Overflow = Overflow.WAIT
    """What becomes of one more."""
    priority: Callable[[M], float] | None = None
    """The message with the smallest goes first, of equal ones the oldest; after 64 overtakings the oldest of all does.

    Messages of one sender then keep their order within one priority alone. None: by arrival, which costs less.
    What the runtime itself puts behind all mail, such as Terminated, is not given to it.
    """
    idle_after: float | None = 60.0
    """Seconds without a message after which an actor activated by its address is passivated; None: never."""
    start_timeout: float = 5.0
    """Seconds for `started`; a durable actor's `load` has no limit."""
    wait_started: bool = True
    """Siblings that are spawned after it begin to start when it is up; not of DYNAMIC parents, and not by address."""
    stop_grace: float = 5.0
    """Seconds for the turn that is under way, and then for `stopping`, when it is stopped."""

    def __post_init__(self) -> None:
        check_spec(self)
        if self.capacity < 1:
            raise BadSpec("capacity: a mailbox holds at least one message")
        if not (self.start_timeout > 0 and self.stop_grace >= 0):
            raise BadSpec("start_timeout > 0 and stop_grace >= 0")
        if self.significant and self.restart is Restart.PERMANENT:
            raise BadSpec(
                "significant: a PERMANENT child never ends by itself; TRANSIENT or TEMPORARY may be"
            )
        if getattr(self.actor, "durable", False) and self.resumes:
            raise BadSpec("directives: RESUME keeps a memory that may be ahead of a durable actor's store")

    @property
    def resumes(self) -> bool:
        """Whether any failure is to leave the incarnation as it is."""
        return bool(self.directives) and any(
            directive is Directive.RESUME for _, directive in self.directives
        )

    def directive(self, error: BaseException) -> Directive:
        """What this failure means."""
        if isinstance(error, BaseExceptionGroup):
            leaves = cast("BaseExceptionGroup[BaseException]", error).exceptions
            return max((self.directive(leaf) for leaf in leaves), key=lambda directive: directive.value)
        for kind, directive in self.directives:
            if isinstance(error, kind):
                return directive
        return Directive.RESTART


def need_spec(spec: object) -> None:
    """Raises BadSpec for what is no Spec."""
    if not isinstance(spec, Spec):
        raise BadSpec(f"a Spec is needed: Spec({getattr(spec, '__name__', 'X')}), not {spec!r}")
