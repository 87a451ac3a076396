"""Which method handles which message, and how it can be driven: decided once, when the class is created."""

import dis
import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar, cast

from typing_extensions import override

from actors.errors import BadHandler, DuplicateHandler, ForeignHandler, MissingHandler, ReplyNotAwaited
from actors.message import Deferred, Fits

A = TypeVar("A")
M = TypeVar("M")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[[Any, Any], Any])

Handler = Callable[[A, M], R | Deferred[R]] | Callable[[A, M], Awaitable[R | Deferred[R]]]


class Kind(Enum):
    """How a handler can be driven."""

    PLAIN = auto()
    """`def`."""
    BARE = auto()
    """`async def` without an await in it: it can never suspend."""
    SUSPENDS = auto()
    """`async def` that may wait."""


@dataclass(frozen=True, slots=True)
class Handling:
    """One handler: the function and how it is driven."""

    function: Callable[[Any, Any], Any]
    kind: Kind
    interleave: bool = False
    readonly: bool = False
    reentrant: bool = False


def receive(
    kind: type[Fits[M, R]],
    *,
    state: str | None = None,
    interleave: bool = False,
    readonly: bool = False,
    reentrant: typing.Literal["chain"] | None = None,
) -> Callable[[Handler[A, M, R]], Handler[A, M, R]]:
    """Mark the method that handles messages of `kind`; what it takes and answers is checked by the type checkers.

    With `state` it does so in that state alone (`ctx.become`); without, in all that have none of their own.
    With `interleave` it does so at once while another turn waits, and overtakes what was sent before; that turn then
    finds changed what the handler changes. For a plain `def` of a volatile actor alone, else BadHandler.
    With `readonly` it stages nothing: `ctx.stage`, and all that stages, raises ReadOnlyTurn. Its reply waits for what
    was staged before, as any. For a durable actor alone, else BadHandler.
    With `reentrant="chain"` a turn that waits in an ask lets the message in, if it is asked in the course of that ask:
    instead of AskCycle, a whole turn within the pause of the other, which then finds changed what the handler changes.
    All else waits as ever. It is not tried again after a crash; what it would defer or stash is AskCycle, since the
    turn in which it went on would have to wait for the asker. For a volatile actor alone, else BadHandler.
    Two for one message are DuplicateHandler, one outside the protocol is ForeignHandler, when the class is created.
    Without parentheses, or of what is no class, it is BadHandler at once.
    """
    if not isinstance(cast("object", kind), type):
        raise BadHandler(f"write @receive(Message), with the class of the message, not of {kind!r}")
    if reentrant not in {None, "chain"}:
        raise BadHandler(f"reentrant is 'chain' or None, not {reentrant!r}")

    def mark(handler: Handler[A, M, R]) -> Handler[A, M, R]:
        handler.__dict__["receives"] = kind
        handler.__dict__["in_state"] = state
        handler.__dict__["interleaves"] = interleave
        handler.__dict__["readonly"] = readonly
        handler.__dict__["reentrant"] = reentrant is not None
        return handler

    return mark


def receive_any(handler: F) -> F:
    """Mark the one method that handles what no `@receive` of the class does, in any state: `def (self, message)`."""
    handler.__dict__["receives_any"] = True
    return handler


class WithFallback(dict[type, Handling]):
    """Handlers that have one for the rest; only an actor that wants it pays for the second look."""

    def __init__(self, handlers: typing.Mapping[type, Handling], fallback: Handling) -> None:
        super().__init__(handlers)
        self.fallback = fallback

    @override
    def __contains__(self, kind: object) -> bool:
        return True

    def __missing__(self, kind: type) -> Handling:
        return self.fallback

    @override
    def get(self, kind: type, default: Any = None, /) -> Any:
        return self[kind]


def kind_of(function: Callable[..., Any]) -> Kind:
    """Whether a function can suspend, read off its bytecode (CPython 3.11 to 3.13)."""
    while isinstance(function, functools.partial):
        function = function.func
    code: types.CodeType = function.__code__
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        raise BadHandler(
            f"{function.__qualname__} is a generator: a handler returns its reply, it yields nothing"
        )
    if not code.co_flags & 0x80:  # CO_COROUTINE
        return Kind.PLAIN
    waits = any(step.opname in {"GET_AWAITABLE", "GET_ANEXT"} for step in dis.get_instructions(code))
    return Kind.SUSPENDS if waits else Kind.BARE


def handlers_of(
    cls: type, inherited: typing.Mapping[type, Handling], root: type, in_states: typing.Collection[type] = ()
) -> dict[type, Handling]:
    """The handlers of an actor class that hold in all states, one for each member of its protocol but `in_states`.

    Raises MissingHandler, DuplicateHandler, ForeignHandler.
    """
    own = marked(cls).get(None, {})
    handlers = {**{kind: _newest(cls, handling) for kind, handling in inherited.items()}, **own}
    if (fallback := _fallback(cls, inherited)) is not None:
        handlers = WithFallback(handlers, fallback)
    protocol = _protocol(cls, root)
    if protocol is None:
        return handlers
    if missing := [kind.__name__ for kind in protocol if kind not in handlers and kind not in in_states]:
        raise MissingHandler(f"{cls.__name__} has no handler for {', '.join(missing)}")
    if foreign := [kind.__name__ for kind in (*own, *in_states) if kind not in protocol]:
        raise ForeignHandler(f"{cls.__name__} handles {', '.join(foreign)}, not of its protocol")
    return handlers


def not_taken(cls: type, handlers: typing.Iterable[type], message: object) -> str:
    """Why the actor does not handle the message, in words."""
    takes = ", ".join(sorted(kind.__name__ for kind in handlers))
    return f"{cls.__name__} has no handler for {type(message).__name__}; it takes: {takes}"


def marks(
    cls: type, tables: typing.Iterable[typing.Mapping[type, Handling]], *, durable: bool
) -> tuple[bool, bool]:
    """Whether any handler of the class interleaves, and whether any is reentrant. Raises BadHandler for one that cannot, or cannot be what it is marked as."""
    handlings = [one for table in tables for one in table.values()]
    found = [one for one in handlings if one.interleave]
    for one in found:
        if durable or one.kind is not Kind.PLAIN:
            why = (
                "a durable actor's turns are one after the other"
                if durable
                else "it is an `async def`, and only a plain `def` can"
            )
            raise BadHandler(f"{cls.__name__}.{one.function.__name__} cannot interleave: {why}")
    for one in handlings:
        if one.reentrant and durable:
            raise BadHandler(
                f"{cls.__name__}.{one.function.__name__} cannot be reentrant: a durable actor asks nobody"
            )
        if one.readonly and not durable:
            raise BadHandler(
                f"{cls.__name__}.{one.function.__name__} is readonly: a volatile actor stages nothing"
            )
    return bool(found), any(one.reentrant for one in handlings)


async def handled(actor: object, handling: Handling, message: object) -> Any:
    """What the handler answers, in a turn that another message has begun. Raises ReplyNotAwaited."""
    value = handling.function(actor, message)
    if handling.kind is not Kind.PLAIN:
        value = await value
    if isinstance(value, types.CoroutineType):
        value.close()
        raise ReplyNotAwaited(f"the handler of {type(message).__name__} returned a coroutine")
    return value


def overrides(cls: type, name: str, root: type) -> bool:
    """Whether a class below `root` defines `name`."""
    below = cls.__mro__[: cls.__mro__.index(root)]
    return any(name in vars(base) for base in below)


def _newest(cls: type, handling: Handling) -> Handling:
    """The handler as this class has it: it may redefine the method without marking it again."""
    function = getattr(cls, handling.function.__name__, handling.function)
    if function is handling.function:
        return handling
    return _handling(
        function,
        interleave=handling.interleave,
        readonly=handling.readonly,
        reentrant=handling.reentrant,
    )


def _handling(
    function: Callable[[Any, Any], Any], *, interleave: bool, readonly: bool, reentrant: bool
) -> Handling:
    kind = kind_of(function)
    return Handling(_reading(function, kind) if readonly else function, kind, interleave, readonly, reentrant)


def _reading(function: Callable[[Any, Any], Any], kind: Kind) -> Callable[[Any, Any], Any]:
    """The handler around which its actor refuses to stage: other handlers, and the way to them, pay nothing for it."""
    if kind is Kind.PLAIN:

        @functools.wraps(function)
        def plain(actor: Any, message: Any) -> Any:
            actor.reads_only = True
            try:
                return function(actor, message)
            finally:
                actor.reads_only = False

        return plain

    @functools.wraps(function)
    async def waiting(actor: Any, message: Any) -> Any:
        actor.reads_only = True
        try:
            return await function(actor, message)
        finally:
            actor.reads_only = False

    return waiting


def _fallback(cls: type, inherited: typing.Mapping[type, Handling]) -> Handling | None:
    own = [member for member in vars(cls).values() if getattr(member, "receives_any", False)]
    if len(own) > 1:
        raise DuplicateHandler(f"{cls.__name__}.{own[1].__name__} is a second handler for the rest")
    if own:
        return Handling(own[0], kind_of(own[0]))
    return _newest(cls, inherited.fallback) if isinstance(inherited, WithFallback) else None


def marked(cls: type) -> dict[str | None, dict[type, Handling]]:
    """The handlers that the class itself marks, by state; None: in all of them. Raises DuplicateHandler."""
    found: dict[str | None, dict[type, Handling]] = {}
    for name, member in vars(cls).items():
        kind = getattr(member, "receives", None)
        if kind is None:
            continue
        table = found.setdefault(member.in_state, {})
        if kind in table:
            raise DuplicateHandler(f"{cls.__name__}.{name} is a second handler for {kind.__name__}")
        table[kind] = _handling(
            member, interleave=member.interleaves, readonly=member.readonly, reentrant=member.reentrant
        )
    return found


def _protocol(cls: type, root: type) -> tuple[type, ...] | None:
    """The members of M in `class X(Actor[M])`; None where M is left open."""
    bases: tuple[Any, ...] = cls.__dict__.get("__orig_bases__", ())
    for base in bases:
        origin = typing.get_origin(base)
        if isinstance(origin, type) and issubclass(origin, root):
            protocol = typing.get_args(base)[0]
            if isinstance(protocol, TypeVar):
                return None
            return typing.get_args(protocol) or (protocol,)
    return None
