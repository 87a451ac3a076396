"""Why an incarnation begins and why it ends: what `started`, `stopping` and `stopped` are told."""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Fresh:
    """Started for the first time."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """Started again after a failure; the `count`-th restart."""

    error: BaseException
    count: int


@dataclass(frozen=True, slots=True)
class Activated:
    """Activated by its address, or loaded anew after a discard; `version` commits are on the disk."""

    version: int


StartReason = Fresh | Restarted | Activated
"""Why an incarnation begins: what `started` is told."""


class StopReason(Enum):
    """Why an incarnation ended. A child that ends with its parent has its parent's reason."""

    STOP = auto()
    """It was told to, or has stopped itself."""
    SHUTDOWN = auto()
    """Its system ends; or it follows its significant children (`auto_shutdown`)."""
    IDLE = auto()
    """Passivated."""
    CRASHED = auto()
    """It has failed; whether there is another incarnation is its supervisor's to decide."""
    NOT_THERE = auto()
    """Said to who watches an address where nobody lives."""
    SIBLING_FAILED = auto()
    """Its supervisor's strategy restarts them together."""
    DISCARDED = auto()
    """Its memory may be ahead of the store: it is read back."""
    FENCED = auto()
    """Another owner has written this durable actor."""
    START_FAILED = auto()
    """It could not be built, loaded or started."""
