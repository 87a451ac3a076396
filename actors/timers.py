"""What holds of an actor's timers wherever it runs, in a system or in a harness: their keys, bounds and checks."""

import math

TIMERS_MAX = 1_000
"""Timers of one actor."""
RECEIVE_TIMEOUT = "(receive timeout)"
STATE_TIMEOUT = "(state timeout)"
"""Keys of the two timers that have a method of their own."""


def check_after(after: float) -> None:
    """Raises ValueError. NaN is refused too: it would spoil the order of all timers."""
    if not 0 <= after < math.inf:
        raise ValueError(f"after is at least 0 seconds, not {after}")


def check_period(name: str, seconds: float) -> None:
    """Raises ValueError."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"{name} is more than 0 seconds, not {seconds}")


def check_mode(mode: str) -> None:
    """Raises ValueError."""
    if mode not in {"delay", "rate"}:
        raise ValueError(f"mode is 'delay' or 'rate', not {mode!r}")
