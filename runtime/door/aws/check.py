"""Holds a parsed input against its model: required members, then lengths, ranges, patterns, enums.

A checker is compiled once for each shape; it is None where there is nothing to check, at any depth.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.door.aws import errors
from runtime.door.aws.model import Limits, Model, Shape
from runtime.door.service import Service

PROBLEMS_MAX = 10
"""At most so many violations are named in one answer."""


@dataclass(slots=True)
class Findings:
    """What was found in one input. `missing` is the first absent member's path; lists count from 1."""

    missing: str = ""
    problems: list[str] = field(default_factory=list[str])


Checker = Callable[[Any, str, Findings], None]
Check = Callable[[Mapping[str, Any]], None]


def compile_check(service: Service, model: Model, operation: str) -> Check:
    """The check of one operation's whole input. It raises WireError."""
    checker = _Compiler(model, constraints=service.constraints).checker(model.operations[operation].input)
    if checker is None:
        return _nothing
    missing_member = service.missing_member

    def check(given: Mapping[str, Any]) -> None:
        findings = Findings()
        checker(given, "", findings)
        if findings.missing and missing_member is not None:
            raise missing_member(operation, findings.missing)
        if findings.problems:
            raise errors.validation(_sentence(findings.problems))

    return check


def _nothing(given: Mapping[str, Any]) -> None:
    """An input without required members and constraints."""


def _sentence(problems: list[str]) -> str:
    shown = problems[:PROBLEMS_MAX]
    noun = "error" if len(shown) == 1 else "errors"
    return f"{len(shown)} validation {noun} detected: {'; '.join(shown)}"


def _at(path: str) -> str:
    """The path as the services write it: `entries.1.member.id`."""
    parts = path.split(".")
    return ".".join(f"{part}.member" if part.isdecimal() else part[:1].lower() + part[1:] for part in parts)


class _Compiler:
    def __init__(self, model: Model, *, constraints: bool) -> None:
        self._model = model
        self._constraints = constraints
        self._done: dict[str, Checker | None] = {}

    def checker(self, name: str | None) -> Checker | None:
        shape = self._model.shape(name)
        if shape.name not in self._done:

            def later(value: Any, path: str, findings: Findings) -> None:  # a shape that holds itself
                checker = self._done[shape.name]
                if checker is not None:
                    checker(value, path, findings)

            self._done[shape.name] = later
            self._done[shape.name] = self._compile(shape)
        return self._done[shape.name]

    def _compile(self, shape: Shape) -> Checker | None:
        if shape.kind == "structure":
            return self._structure(shape)
        own = _limits(shape) if self._constraints and shape.limits.any else None
        if shape.kind == "list" and shape.item is not None:
            return _both(own, _items(self.checker(shape.item.shape)))
        if shape.kind == "map" and shape.key is not None and shape.value is not None:
            return _both(own, _entries(self.checker(shape.key.shape), self.checker(shape.value.shape)))
        return own

    def _structure(self, shape: Shape) -> Checker | None:
        required = shape.required
        compiled = ((key, self.checker(member.shape)) for key, member in shape.members.items())
        members = [(key, checker) for key, checker in compiled if checker is not None]
        if not required and not members:
            return None

        def check(value: Any, path: str, findings: Findings) -> None:
            for key in required:
                if key not in value:
                    findings.missing = findings.missing or path + key
                    constraint = "Member must not be null"
                    findings.problems.append(
                        f"Value null at '{_at(path + key)}' failed to satisfy constraint: {constraint}"
                    )
            for key, checker in members:
                if key in value:
                    checker(value[key], path + key, findings)

        return _below(check)


def _below(check: Checker) -> Checker:
    """A structure's members stand below it in the path; the top's path is empty."""
    return lambda value, path, findings: check(value, f"{path}." if path else "", findings)


def _both(first: Checker | None, second: Checker | None) -> Checker | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, path: str, findings: Findings) -> None:
        first(value, path, findings)
        second(value, path, findings)

    return check


def _items(checker: Checker | None) -> Checker | None:
    if checker is None:
        return None

    def check(value: Any, path: str, findings: Findings) -> None:
        for number, item in enumerate(value, 1):
            checker(item, f"{path}.{number}", findings)

    return check


def _entries(key_checker: Checker | None, value_checker: Checker | None) -> Checker | None:
    if key_checker is None and value_checker is None:
        return None

    def check(value: Any, path: str, findings: Findings) -> None:
        for key, item in value.items():
            if key_checker is not None:
                key_checker(key, path, findings)
            if value_checker is not None:
                value_checker(item, f"{path}.{key}", findings)

    return check


def _limits(shape: Shape) -> Checker:
    tests = [*_bounds(shape.kind, shape.limits), *_texts(shape.limits)]

    def check(value: Any, path: str, findings: Findings) -> None:
        for holds, constraint in tests:
            if not holds(value):
                findings.problems.append(
                    f"Value '{value}' at '{_at(path)}' failed to satisfy constraint: {constraint}"
                )

    return check


Test = tuple[Callable[[Any], bool], str]


def _bounds(kind: str, limits: Limits) -> list[Test]:
    sized = kind in {"string", "blob", "list", "map"}
    size: Callable[[Any], float] = len if sized else float
    noun = "length" if sized else "value"
    low, high = limits.min, limits.max
    tests: list[Test] = []
    if low is not None:
        tests.append(
            (lambda value: size(value) >= low, f"Member must have {noun} greater than or equal to {low}")
        )
    if high is not None:
        tests.append(
            (lambda value: size(value) <= high, f"Member must have {noun} less than or equal to {high}")
        )
    return tests


def _texts(limits: Limits) -> list[Test]:
    tests: list[Test] = []
    if limits.enum:
        allowed = frozenset(limits.enum)
        wanted = f"[{', '.join(limits.enum)}]"
        tests.append((lambda value: value in allowed, f"Member must satisfy enum value set: {wanted}"))
    pattern = _pattern(limits.pattern)
    if pattern is not None:
        tests.append(
            (
                lambda value: pattern.fullmatch(value) is not None,
                f"Member must satisfy regular expression pattern: {limits.pattern}",
            )
        )
    return tests


def _pattern(text: str | None) -> re.Pattern[str] | None:
    r"""Java's pattern; None for those that only Java reads (`\p{L}`): better no check than a wrong refusal."""
    try:
        return None if text is None else re.compile(text)
    except re.error:
        return None
