"""What holds of an actor's timers wherever it runs, in a system or in a harness: their keys, bounds and checks."""

import math

TIMERS_MAX = 1_000
"""Timers of one actor."""
RECEIVE_TIMEOUT = "(receive timeout)"
STATE_TIMEOUT = "(state timeout)"
"""Keys of the two timers that have a method of their own."""


def check_after(after: object) -> None:
    """Raises ValueError. NaN is refused too: it would spoil the order of all timers."""
    if not (isinstance(after, int | float) and 0 <= after < math.inf):
        raise ValueError(f"after is a finite number of seconds, at least 0, not {after!r}")


def check_period(name: str, seconds: object) -> None:
    """Raises ValueError."""
    if not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise ValueError(f"{name} is a finite number of seconds, more than 0, not {seconds!r}")


def check_mode(mode: str, every: float | None) -> None:
    """Raises ValueError."""
    if mode not in {"delay", "rate"}:
        raise ValueError(f"mode is 'delay' or 'rate', not {mode!r}")
    if every is None and mode != "delay":
        raise ValueError("mode='rate' is of a timer that repeats: say every=, in seconds")
