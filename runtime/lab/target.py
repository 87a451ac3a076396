"""What a command is to run: `module:function`, a program that takes a System; the module's `PATTERNS`, if it has any, are installed."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from runtime.lab.simulation import Program
from runtime.pattern import Pattern


class BadTarget(ValueError):
    """It names no program."""


@dataclass(frozen=True, slots=True)
class Target:
    """A program by name."""

    name: str
    program: Program
    patterns: Sequence[Pattern]


def target_of(name: str) -> Target:
    """Raises BadTarget, with what is wrong about it; what the module itself raises as it is imported passes."""
    module_name, _, function = name.partition(":")
    if not module_name or not function:
        raise BadTarget(f"{name!r} is no target: module:function")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise BadTarget(f"{name}: there is no module {error.name}") from None
    program: Any = getattr(module, function, None)
    if not inspect.iscoroutinefunction(program):
        raise BadTarget(f"{name}: {module_name} has no async function {function}")
    return Target(name, program, getattr(module, "PATTERNS", ()))
