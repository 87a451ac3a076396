"""Durable actors of which the framework keeps rows and logs of its own, and methods that nobody may replace unawares.

Those rows and logs begin with `~`. To write or delete them from a handler would spoil what was promised
without a sound; so it is refused at once, and the text names what to use.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

from typing_extensions import override

from actors.actor import Context
from actors.durable import (
    Append,
    Delete,
    DeletePrefix,
    DurableActor,
    DurableContext,
    Put,
    Trim,
    WakeAt,
    Write,
)
from actors.errors import ActorError, BadSpec

M = TypeVar("M")

OURS = "~"
"""The first character of all keys and logs that the framework keeps among an actor's own."""


class Reserved(ActorError):
    """A handler has staged what belongs to the framework; the text says what to use."""


class Guard:
    """A durable context for user code: all of it but the writes that are ours."""

    __slots__ = ("_ctx",)

    def __init__(self, ctx: DurableContext) -> None:
        self._ctx = ctx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def stage(self, *writes: Write) -> None:
        """See DurableContext. Raises Reserved besides."""
        for write in writes:
            _check(write)
        self._ctx.stage(*writes)


def _check(write: Write) -> None:
    match write:
        case DeletePrefix(""):
            raise Reserved(f"DeletePrefix('') would delete the framework's rows, which begin with {OURS!r}")
        case Put(name) | Delete(name) | DeletePrefix(name) | Append(name) | Trim(name):
            if name.startswith(OURS):
                raise Reserved(f"{name[:80]!r}: keys and logs that begin with {OURS!r} are the framework's")
        case WakeAt():
            pass


class GuardedActor(DurableActor[M], Generic[M]):
    """A durable actor with rows of the framework's own among its rows.

    What it and its kind keep in memory has names with two underscores: a user's `self._inbox` is another one.
    """

    reserved: ClassVar[Mapping[str, str]] = {"recover": "load", "bind": "started", "own": "another name"}
    """Method that a user's class may not define -> what it defines instead. Who declares it is a room of ours."""

    @override
    def __init_subclass__(cls, **config: Any) -> None:
        if "reserved" not in vars(cls):
            _check_methods(cls)
        super().__init_subclass__(**config)

    @override
    def bind(self, ctx: Context) -> None:
        self.__own = cast("DurableContext", ctx)
        super().bind(cast("Context", Guard(self.__own)))

    @property
    def own(self) -> DurableContext:
        """The context without the guard; for the framework's own rows."""
        return self.__own


def _check_methods(cls: type) -> None:
    for base in cls.__mro__[1:]:
        reserved: Mapping[str, str] = vars(base).get("reserved", {})
        for name in vars(cls).keys() & reserved.keys():
            raise BadSpec(f"{cls.__name__}.{name} is the framework's: define {reserved[name]} instead")
