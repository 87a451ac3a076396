"""One time of the store for two that want to be woken by it: the user, and the framework for what it has still to do."""

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from actors.durable import Delete, DurableContext, Put, WakeAt, Write
from actors.errors import NotInThisState
from actors.guarded import Guard, Reserved
from actors.message import Deferred
from actors.records import BadRecord, dumped, loaded

ROW = "~wake"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is kept: the user's time and the framework's."""

    user: float | None = None
    resend: float | None = None

    @property
    def at(self) -> float | None:
        """What the store wakes the actor at."""
        return min((time for time in (self.user, self.resend) if time is not None), default=None)

    def writes(self, before: "Alarm") -> list[Write]:
        """What makes this one of the one before."""
        if self == before:
            return []
        kept = dumped({"user": self.user, "resend": self.resend})
        row = Delete(ROW) if self.at is None else Put(ROW, kept)
        return [row] if self.at == before.at else [row, WakeAt(self.at)]


def alarm_of(stored: bytes | None) -> Alarm:
    """The alarm that the row holds. Raises BadRecord."""
    if stored is None:
        return Alarm()
    match loaded(stored):
        case {"user": float() | int() | None as user, "resend": float() | int() | None as resend}:
            return Alarm(user, resend)
        case _:
            raise BadRecord(f"{ROW}: the kept alarm is two times")


class AlarmGuard(Guard):
    """A Guard that keeps the actor's one time in the store for itself."""

    __slots__ = ("delivering",)

    def __init__(self, ctx: DurableContext) -> None:
        super().__init__(ctx)
        self.delivering = False

    def stash(self) -> Deferred[Any]:
        """See Context. What was sent reliably waits at its sender instead: raises NotInThisState there."""
        if self.delivering:
            raise NotInThisState(f"{self.address} does not take it now: its sender tries again")
        stashed: Deferred[Any] = self._ctx.stash()
        return stashed

    @override
    def stage(self, *writes: Write) -> None:
        if any(isinstance(write, WakeAt) for write in writes):
            raise Reserved("WakeAt is the framework's here: call self.wake_at(time)")
        super().stage(*writes)
