"""What a command is to run: `module:function`, a program that takes a System; the module's `PATTERNS`, if it has any, are installed."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
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
    module, program = look_up(name, "module:function")
    if not inspect.iscoroutinefunction(program):
        raise BadTarget(f"{name}: {module.__name__} has no async function {name.partition(':')[2]}")
    return Target(name, program, getattr(module, "PATTERNS", ()))


def look_up(name: str, form: str) -> tuple[ModuleType, Any]:
    """The module, and what it has by that name: None for nothing. `form` is what a name should look like. Raises BadTarget."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise BadTarget(f"{name!r} is no target: {form}")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise BadTarget(f"{name}: there is no module {error.name}") from None
    return module, getattr(module, attribute, None)
