"""One turn: how far it has come, and what came of it."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from typing_extensions import override

from actors.actor import Spec
from actors.durable import Write
from actors.supervision import Directive
from actors.testing.effects import (
    Deferral,
    Effect,
    HarnessMisused,
    Piped,
    Spawned,
    TimerSet,
    Told,
    Wait,
)

R = TypeVar("R")


class Driver(Protocol):
    """What drives the turn: its harness."""

    def resume(self, turn: "Turn[Any]", values: Sequence[Any], now: float | None) -> None: ...
    def throw(self, turn: "Turn[Any]", error: Exception) -> None: ...
    def cut(self, turn: "Turn[Any]") -> None: ...
    @property
    def spec(self) -> Spec[Any]: ...


class Turn(Generic[R]):
    """What came of one message. While it is `waiting`, drive it on by `resume`, `resume_with`, `finish` or `cancel`.

    A turn that crashed or was cancelled has not happened: its `staged` and `outputs` are empty, and what it had
    made until then stands in `undone`.
    """

    __slots__ = (
        "_driver",
        "_reply",
        "cancelled",
        "deferred",
        "done",
        "error",
        "message",
        "outputs",
        "refusal",
        "staged",
        "undone",
        "waiting",
    )

    def __init__(self, driver: Driver, message: Any) -> None:
        self._driver = driver
        self._reply: Any = None
        self.message = message
        self.done = False
        """It has replied."""
        self.waiting: Wait | None = None
        self.refusal: Exception | None = None
        """Raised, and listed by the message (or the context's own): no crash."""
        self.error: Exception | None = None
        """The crash."""
        self.cancelled = False
        self.deferred: Deferral | None = None
        self.staged: list[Write] = []
        self.outputs: list[Effect] = []
        """All that goes out, in order, the reply apart."""
        self.undone: list[Write | Effect] = []

    @property
    def reply(self) -> R:
        """What the asker gets. Raises HarnessMisused, saying what came instead."""
        if not self.done:
            raise HarnessMisused(f"no reply: {self!r}") from (self.error or self.refusal)
        reply: R = self._reply
        return reply

    @property
    def directive(self) -> Directive | None:
        """What its supervisor makes of the crash, by the spec; None: there was none."""
        return None if self.error is None else self._driver.spec.directive(self.error)

    @property
    def told(self) -> list[Told]:
        return [output for output in self.outputs if isinstance(output, Told)]

    @property
    def timers(self) -> list[TimerSet]:
        return [output for output in self.outputs if isinstance(output, TimerSet)]

    @property
    def spawned(self) -> list[Spawned]:
        return [output for output in self.outputs if isinstance(output, Spawned)]

    @property
    def piped(self) -> list[Piped]:
        return [output for output in self.outputs if isinstance(output, Piped)]

    # --- by hand ---------------------------------------------------------------------------------------

    def resume(self, *values: Any, now: float | None = None) -> "Turn[R]":
        """End its wait: a read by one value for each key, records by themselves, an ask by its reply.

        With no value a read or the actor's own records are answered from what the harness has stored.
        """
        self._driver.resume(self, values, now)
        return self

    def resume_with(self, error: Exception) -> "Turn[R]":
        """End its wait by a failure: what was asked has refused or crashed, the store cannot be read."""
        self._driver.throw(self, error)
        return self

    def finish(self) -> "Turn[R]":
        """Answer all that it still reads from what the harness has stored."""
        while self.waiting is not None:
            self._driver.resume(self, (), None)
        return self

    def cancel(self) -> "Turn[R]":
        """Its asker hangs up while it waits: the handler is cancelled there."""
        self._driver.cut(self)
        return self

    def end(self, *, reply: Any, deferred: Deferral | None) -> None:
        """It returned; the harness says so."""
        self._reply = reply
        self.deferred = deferred
        self.done = deferred is None

    @override
    def __repr__(self) -> str:
        fields: list[str] = []
        if self.done:
            fields.append(f"reply={self._reply!r}")
        if self.cancelled:
            fields.append("cancelled")
        names = ("waiting", "refusal", "error", "deferred", "staged", "outputs", "undone")
        fields += [f"{name}={value!r}" for name in names if (value := getattr(self, name))]
        return f"<Turn of {self.message!r}: {', '.join(fields) or 'nothing yet'}>"
