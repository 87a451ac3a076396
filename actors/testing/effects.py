"""What a turn does to the world, as values: they compare with ==, and nothing has happened yet.

Past tense is done when the turn counts (`Told`, `TimerSet`); `Read`, `Records` and `Asked` are what a turn waits for.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from actors.actor import Spec
from actors.address import Address, Exact
from actors.event import Event, Key
from actors.message import AsMessage, Message
from actors.ref import Ref


class HarnessMisused(AssertionError):
    """The test asks the harness for what cannot be; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message sent by `ctx.tell`, or by `ref.tell` in a turn."""

    to: Ref[Any]
    message: Any


@dataclass(frozen=True, slots=True)
class TimerSet:
    """A timer set, or set anew under the same key."""

    key: str
    after: float
    message: Message[Any]
    every: float | None = None
    mode: str = "delay"


@dataclass(frozen=True, slots=True)
class TimerCancelled:
    """A timer that was there, and is no longer."""

    key: str


@dataclass(frozen=True, slots=True)
class Spawned:
    """A child that starts behind the turn; a harness does not run it."""

    spec: Spec[Any]
    ref: Ref[Any]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A child stopped; None: the actor itself."""

    ref: Ref[Any] | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reply to a deferred asker that still waited."""

    key: str
    reply: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal to a deferred asker that still waited."""

    key: str
    error: Exception

    @override
    def __eq__(self, other: object) -> bool:
        # exceptions compare by identity: here by what they say
        return isinstance(other, Refused) and self._said() == other._said()

    @override
    def __hash__(self) -> int:
        return hash((self.key, type(self.error)))

    def _said(self) -> tuple[str, type[Exception], str]:
        return self.key, type(self.error), str(self.error)


@dataclass(frozen=True, slots=True)
class Became:
    """A change of state."""

    state: str


@dataclass(frozen=True, slots=True)
class Unstashed:
    """The oldest stashed messages come next; None: all."""

    count: int | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch; run `Terminated(...)`, or what `as_` makes of it, to end it. `restarts`: it is told of them too."""

    ref: Ref[Any]
    as_: AsMessage | None = None
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A watch undone."""

    ref: Ref[Any]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The turn's message handed on, with its asker."""

    to: Ref[Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """The turn's asker is promised the result of work outside the turn."""

    work: Callable[[], Awaitable[Any]]
    then: Message[Any] | None


@dataclass(frozen=True, slots=True)
class Registered:
    """To be found by a key."""

    key: Key[Any]


@dataclass(frozen=True, slots=True)
class Deregistered:
    """To be found by it no longer."""

    key: Key[Any]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """To be told of events, or of who holds a key."""

    to: type[Event] | Key[Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """A member of a group."""

    group: str


@dataclass(frozen=True, slots=True)
class Left:
    """A member no longer."""

    group: str


@dataclass(frozen=True, slots=True)
class Published:
    """Told to all members of a group."""

    group: str
    message: Message[Any]


@dataclass(frozen=True, slots=True)
class Piped:
    """Work that begins behind the turn. `message(result)` is what will come back; `begin` drives the work by hand."""

    work: Callable[[], Awaitable[Any]]
    as_: Callable[[Any], Message[Any]]

    def message(self, result: Any) -> Message[Any]:
        """What the actor is told if the work comes to `result`, an exception too."""
        return self.as_(result)

    def begin(self) -> "Work":
        """Run the work up to its first ask."""
        return Work(self)


@dataclass(frozen=True, slots=True)
class Deferral:
    """The turn kept its asker, by `ctx.defer`."""

    key: str
    deadline: float | None = None
    on_deadline: Any = None


@dataclass(frozen=True, slots=True, init=False)
class Read:
    """Waits for rows of its own: `Read("m/1")`. Resumed by their values, one for each key."""

    keys: tuple[str, ...]

    def __init__(self, *keys: str) -> None:
        object.__setattr__(self, "keys", keys)

    @override
    def __repr__(self) -> str:
        return f"Read({', '.join(map(repr, self.keys))})"


@dataclass(frozen=True, slots=True)
class Records:
    """Waits for a log's records. Resumed by them: `resume((0, b"..."), (1, b"..."))`."""

    address: Address
    log: str
    first: int
    limit: int = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Waits for another actor's reply. Resumed by that one value, or failed by `resume_with(error)`."""

    to: Ref[Any]
    message: Any
    within: float | None = None


@dataclass(frozen=True, slots=True)
class InThread:
    """Waits for blocking work in a thread. Resumed by its result."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class InProcess:
    """Waits for work in another process. Resumed by its result."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


Effect = (
    Told
    | TimerSet
    | TimerCancelled
    | Spawned
    | Stopped
    | Resolved
    | Refused
    | Piped
    | Became
    | Unstashed
    | Watched
    | Unwatched
    | Forwarded
    | Answered
    | Registered
    | Deregistered
    | Subscribed
    | Joined
    | Left
    | Published
)
"""One output of a turn; the writes that it staged, its reply and its deferral stand apart."""
Wait = Read | Records | Asked | InThread | InProcess


@dataclass(slots=True)
class Trap:
    """Yielded to whoever drives: a wait, or a tell, which is no wait inside a turn."""

    what: Wait | Told

    def __await__(self) -> Generator["Trap", Any, Any]:
        return (yield self)


class _Scripted:
    """The post of a harness's refs: what is said through it is handed to whoever drives the coroutine."""

    async def _say(self, what: Wait | Told) -> Any:
        return await Trap(what)

    def ask(self, to: Address, message: Any, within: float | None) -> Coroutine[Any, Any, Any]:
        return self._say(Asked(Ref(to, self), message, within))

    def tell(self, to: Address, message: Any) -> Coroutine[Any, Any, None]:
        return self._say(Told(Ref(to, self), message))

    def exact(self, to: Address) -> Exact:
        return Exact(to, 1)

    def tell_exact(self, to: Exact, message: Any) -> Coroutine[Any, Any, None]:
        return self.tell(to, message)


_SCRIPTED = _Scripted()


def ref_to(address: str) -> Ref[Any]:
    """A ref for a harness's messages, arguments and expectations: `Told(ref_to("/bank"), Deposit(amount=5))`."""
    return Ref(Address(address), _SCRIPTED)


class Work:
    """A pipe's work, driven by hand: `waiting` is its present ask, `message` what came back in the end."""

    def __init__(self, piped: Piped) -> None:
        self.waiting: Wait | None = None
        self.told: list[Told] = []
        self._piped = piped
        self._message: Message[Any] | None = None
        awaitable = piped.work()
        self._steps: Any = awaitable if isinstance(awaitable, Coroutine) else awaitable.__await__()
        self._step(lambda: self._steps.send(None))

    @property
    def message(self) -> Message[Any]:
        """What the actor is told of it. Raises HarnessMisused while the work still waits."""
        if self._message is None:
            raise HarnessMisused(f"the work still waits for {self.waiting}: resume it first")
        return self._message

    def resume(self, reply: Any = None) -> "Work":
        """Its ask is answered by `reply`."""
        return self._step(lambda: self._steps.send(reply))

    def resume_with(self, error: Exception) -> "Work":
        """Its ask fails by `error`."""
        return self._step(lambda: self._steps.throw(error))

    def _step(self, step: Callable[[], Any]) -> "Work":
        if self._message is not None:
            raise HarnessMisused(f"the work has ended, with {self._message!r}")
        self.waiting = None
        try:
            trap = step()
            while isinstance(trap, Trap) and isinstance(trap.what, Told):
                self.told.append(trap.what)
                trap = self._steps.send(None)
        except StopIteration as stop:
            self._message = self._piped.as_(stop.value)
        except Exception as error:  # noqa: BLE001 -- a pipe's failure comes back as its message
            self._message = self._piped.as_(error)
        else:
            if not isinstance(trap, Trap):
                raise HarnessMisused(NO_LOOP.format("the work", trap))
            assert not isinstance(trap.what, Told)
            self.waiting = trap.what
        return self


NO_LOOP = (
    "{} waits for {!r}, and a harness has no event loop: it can wait for ctx.read, ctx.records and ref.ask alone."
    " Test it in a system (runtime.testing)."
)
