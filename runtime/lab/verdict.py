"""What a checker answers: data in, verdict out. A failure is named by its checker and its property, whatever its detail."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Ok:
    """The property holds."""

    checker: str


@dataclass(frozen=True, slots=True)
class Violation:
    """It does not. `steps` are the numbers of the history's operations, or of the deliveries, that show it."""

    checker: str
    property: str
    """What is violated: the message, the key, the site. A smaller run that fails in the same way has the same one."""
    detail: str
    steps: tuple[int, ...] = ()

    @override
    def __str__(self) -> str:
        return f"{self.checker}: {self.property}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer within the checker's budget: neither a pass nor a failure."""

    checker: str
    why: str

    @override
    def __str__(self) -> str:
        return f"{self.checker}: unknown: {self.why}"


Verdict: TypeAlias = Ok | Violation | Unknown


class PropertyFailed(AssertionError):
    """A run breaks a property. Two runs fail alike when `checker` and `property` are equal."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.violation = violation
        self.checker = violation.checker
        self.property = violation.property


def require(*verdicts: Verdict) -> list[Unknown]:
    """Raise PropertyFailed for the first violation, the others as notes; answers what is unknown, for the caller to tell."""
    violations = [one for one in verdicts if isinstance(one, Violation)]
    if violations:
        failed = PropertyFailed(violations[0])
        for other in violations[1:]:
            failed.add_note(str(other))
        raise failed
    return [one for one in verdicts if isinstance(one, Unknown)]


def first(checker: str, violations: Iterable[Violation]) -> Ok | Violation:
    """The first violation that a checker finds, if it finds one."""
    return next(iter(violations), Ok(checker))
