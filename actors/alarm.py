"""One time of the store for two that want to be woken by it: the user, and the framework for what it has still to do."""

from dataclasses import dataclass

from actors.durable import Delete, Put, WakeAt, Write
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
