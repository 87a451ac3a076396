"""What is asked of the simulations of one pytest run; between the plugin, which knows pytest, and `simulated`, which does not."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from runtime.lab.run_file import RunFile
from runtime.lab.shrink import Shrunk
from runtime.lab.target import Target

Save = Callable[[Target, Shrunk, Callable[[str], str]], str]
"""Keeps a shrunk run, and the page about it, which takes the command that runs it again; what to say of both."""


def no_more(_target: Target, _run: Shrunk, _page: Callable[[str], str]) -> str:
    """Keeps no run."""
    return ""


def untold(_name: str, _value: object) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one test; what is not asked is as the test has it."""

    seeds: int | None = None
    seed: int | None = None
    """This one alone."""
    budget: float | None = None
    """Seconds of real time: seeds go on until it is spent."""
    replay: RunFile | None = None
    """This run alone."""
    save: Save = no_more
    tell: Callable[[str, object], None] = untold
    """Figures of the test, by name: runs, finds."""


SETTINGS: ContextVar[Settings] = ContextVar("SETTINGS")


def seconds(text: str) -> float:
    """Of `20 s`, `2 min`, `20`. Raises ValueError."""
    number, _, unit = text.strip().partition(" ")
    if not unit and not number[-1:].isdigit():
        unit = number.lstrip("0123456789.")
        number = number.removesuffix(unit)
    try:
        return float(number) * {"": 1, "s": 1, "min": 60, "h": 3600}[unit.strip()]
    except (KeyError, ValueError):
        raise ValueError(f"a budget of {text!r}: say 20 s, 2 min or 1 h") from None
