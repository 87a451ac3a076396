"""A call to the outside as its actor remembers it: how far it has come. Memory alone: `outside.py` keeps it in rows."""

from enum import Enum
from typing import Any

from actors.message import Message
from actors.records import Record


class AfterCrash(Enum):
    """What becomes of a call that may have happened or not: it raised, or its actor ended before the answer was kept."""

    REPEAT = "repeat"
    """It is made again, with the same key, until it answers: the outside sees it at least once."""
    ASK = "ask"
    """`in_doubt` is called: unless somebody says `repeat`, the outside has seen it at most once."""


class Phase(Enum):
    """How far a call has come."""

    CALL = "call"
    """To be made."""
    CALLING = "calling"
    """Under way."""
    GAINED = "gained"
    """Its result is in memory alone: the disk was full."""
    SLIPPED = "slipped"
    """It has answered what is no result: to be kept as a call in doubt."""
    KEPT = "kept"
    """Its result is a row, to be handled."""
    DOUBT = "doubt"
    """`in_doubt` is to be called."""
    ASKED = "asked"
    """`in_doubt` has been called, and nobody has decided."""


class Call:
    """One open call."""

    __slots__ = ("after_crash", "due", "failures", "key", "phase", "request", "result", "why")

    def __init__(self, key: str, request: Record, after_crash: AfterCrash, phase: Phase, due: float) -> None:
        self.key = key
        self.request = request
        self.after_crash = after_crash
        """ASK too once it has answered what is no result."""
        self.phase = phase
        self.due = due
        """When its next step is to be taken, if it `waits` for one."""
        self.failures = 0
        """Of this step, in a row."""
        self.result: Message[Any] | None = None
        self.why: Exception | None = None
        """What it raised last."""

    @property
    def waits(self) -> bool:
        """Whether its next step is the actor's own."""
        return self.phase not in (Phase.CALLING, Phase.ASKED)
