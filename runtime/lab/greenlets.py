"""Blocking code as a task of the simulation: it runs in a greenlet, and whatever it waits for its task awaits.

A blocking call inside the greenlet hands an async function to the task beside it, and is resumed with what came of it.
So code that was never meant for it (boto3, a user's own consumer) shares the one thread and the virtual time of a run.
It is a task like any other: cancelled, its next blocking call raises `trio.Cancelled`. `greenlet` is of the extra
`callboard[lab]`.
"""

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol, TypeVar, cast

import greenlet as untyped  # type: ignore[import-untyped]

T = TypeVar("T")
_greenlet: Any = untyped

ENDINGS_MAX = 1_000
"""Blocking calls that a program may make after its end: a `finally` has some, a loop around a bare `except` has no last one."""


class ClientCrashed(BaseException):
    """The client is gone, as by SIGKILL: each of its blocking calls raises this, and nothing of it reaches anybody any more."""


class CannotEnd(RuntimeError):
    """A client goes on after its end: it catches all exceptions around its blocking calls, and was left where it was."""


class Noted(Protocol):
    """Where an effect of a client is numbered."""

    def __call__(self, kind: str, client: str, number: int, what: str, /) -> None: ...


class Client:
    """One blocking program. `crash_at` is the number of its effect, counted from 1, that it does not live to see."""

    def __init__(self, name: str, note: Noted, crash_at: int | None = None) -> None:
        self.name = name
        self.effects = 0
        """Blocking calls so far: connects, sends, receives, sleeps, waits."""
        self.busy = 0
        """Readings of the clock since the last effect."""
        self.ended: BaseException | None = None
        """What ended it: it is cancelled, or has crashed."""
        self._note = note
        self._crash_at = crash_at
        self._after_end = 0
        self._fiber: Any = None

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call `function(*arguments)`. Raises what it raises, ClientCrashed, CannotEnd."""
        fiber = self._fiber = _greenlet.greenlet(partial(function, *arguments))
        fiber.client = self
        fiber.gr_context = copy_context()  # else a greenlet begins without its task's variables
        asked = fiber.switch()
        while not fiber.dead:
            if self._after_end > ENDINGS_MAX:
                raise CannotEnd(
                    f"{self.name} catches what ends it, by a bare except or `except BaseException`"
                )
            try:
                came = await asked()
            except BaseException as error:  # noqa: BLE001 -- not caught: it goes to whoever waits, in the greenlet
                if not isinstance(error, Exception):
                    self.ended = error
                asked = fiber.throw(error)
            else:
                asked = fiber.switch(came)
        return cast("T", asked)

    def effect(self, kind: str, what: str) -> None:
        """In the greenlet: an effect, numbered before it happens. Raises what has ended the client."""
        self.busy = 0
        if self.ended is None:
            self.effects += 1
            self._note(kind, self.name, self.effects, what)
            if self.effects == self._crash_at:
                self.ended = ClientCrashed(f"{self.name} crashed at its effect {self.effects}, {kind}")
        if self.ended is not None:
            self._after_end += 1
            if self._after_end > ENDINGS_MAX:
                self._fiber.parent.switch(None)  # never to come back
            raise self.ended

    def wait(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """In the greenlet, behind an effect: what `work(*arguments)` comes to, awaited by the task."""
        return cast("T", self._fiber.parent.switch(partial(work, *arguments)))


def current() -> Client | None:
    """The client whose code is running; None in all other tasks."""
    return getattr(_greenlet.getcurrent(), "client", None)
