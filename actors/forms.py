"""The forms of options: what is set when an actor is declared is of the declared type, or refused by name at once.

A wrong one would be noticed by the runtime, outside the actor's boundary, or never: `"temporary"` is no
`Restart.TEMPORARY`, and would restart for ever.
"""

from collections.abc import Mapping
from typing import Any, cast

from actors.behaviours import Elsewhere
from actors.errors import BadSpec
from actors.mailbox import Overflow
from actors.supervision import AutoShutdown, Backoff, Directive, Drop, Intensity, Restart, Retry, Strategy

Form = tuple[tuple[type, ...], str]
"""The types that an option may have, and how to write one."""
NUMBER, TEXT_OR_NONE, POISON = (int, float), (str, type(None)), (Drop, Retry)
OPTIONAL_NUMBER = (*NUMBER, type(None))
FLAG = ((bool,), "True or False")
SPEC: Mapping[str, Form] = {
    "args": ((tuple,), "a tuple: args=(5,)"),
    "name": (TEXT_OR_NONE, "a text or None"),
    "restart": ((Restart,), "a Restart: Restart.TEMPORARY"),
    "backoff": ((Backoff,), "a Backoff: Backoff(first=1.0)"),
    "intensity": ((Intensity,), "an Intensity: Intensity(3, within=30.0)"),
    "keep_children": FLAG,
    "significant": FLAG,
    "fail_fast": FLAG,
    "poison": (POISON, "DROP or a Retry: Retry(3)"),
    "capacity": ((int,), "a whole number"),
    "overflow": ((Overflow,), "an Overflow: Overflow.REFUSE"),
    "idle_after": (OPTIONAL_NUMBER, "seconds or None"),
    "start_timeout": (NUMBER, "seconds"),
    "wait_started": FLAG,
    "stop_grace": (NUMBER, "seconds"),
}
CLASS: Mapping[str, Form] = {
    "initial": ((str,), "a text"),
    "elsewhere": ((Elsewhere,), "an Elsewhere: Elsewhere.REFUSE"),
    "strategy": ((Strategy,), "a Strategy: Strategy.ONE_FOR_ALL"),
    "auto_shutdown": ((AutoShutdown,), "an AutoShutdown: AutoShutdown.ANY"),
    "deferred_max": ((int,), "a whole number"),
    "pipes_max": ((int,), "a whole number"),
    "threads_max": ((int,), "a whole number"),
    "children_max": ((int,), "a whole number"),
    "max_turn": (NUMBER, "seconds"),
}


def check_class(cls: Any) -> None:
    """The options of an actor class, and that its family can be. Raises BadSpec."""
    _check(cls, CLASS, f"{cls.__name__}.")
    if (cls.strategy is Strategy.DYNAMIC) != (cls.template is not None):
        raise BadSpec(f"{cls.__name__}: a template belongs to the DYNAMIC strategy, and it to a template")
    if cls.template is not None and cls.template.name is not None:
        raise BadSpec(f"{cls.__name__}.template: each child needs a name of its own")
    if cls.template is not None and cls.template.significant and cls.auto_shutdown is AutoShutdown.NEVER:
        raise BadSpec(f"{cls.__name__}.template: significant, but auto_shutdown is NEVER")


def check_spec(spec: Any) -> None:
    """The options of a spec. Raises BadSpec."""
    if not callable(spec.actor):
        raise BadSpec(f"actor is the class of the actor: Spec(X), not {spec.actor!r}")
    if not _fits(spec):
        _check(spec, SPEC)
    if spec.priority is not None and not callable(spec.priority):
        raise _misfit("priority", spec.priority, "a function of the message, or None")
    if spec.directives:
        _check_directives(spec.directives)


def _fits(spec: Any) -> bool:
    """What the table says, written out: each activation makes a spec, and this takes 0.2 us where the table takes 1."""
    return (
        isinstance(spec.args, tuple)
        and isinstance(spec.name, TEXT_OR_NONE)
        and isinstance(spec.restart, Restart)
        and isinstance(spec.backoff, Backoff)
        and isinstance(spec.intensity, Intensity)
        and isinstance(spec.keep_children, bool)
        and isinstance(spec.significant, bool)
        and isinstance(spec.fail_fast, bool)
        and isinstance(spec.poison, POISON)
        and isinstance(spec.capacity, int)
        and spec.capacity.__class__ is not bool
        and isinstance(spec.overflow, Overflow)
        and isinstance(spec.idle_after, OPTIONAL_NUMBER)
        and spec.idle_after.__class__ is not bool
        and isinstance(spec.start_timeout, NUMBER)
        and spec.start_timeout.__class__ is not bool
        and isinstance(spec.wait_started, bool)
        and isinstance(spec.stop_grace, NUMBER)
        and spec.stop_grace.__class__ is not bool
    )


def _check_directives(directives: object) -> None:
    pairs = _members(directives)
    if pairs is None or not all(map(_is_directive, pairs)):
        raise _misfit(
            "directives", directives, "a tuple of pairs: directives=((ValueError, Directive.STOP),)"
        )


def _is_directive(pair: object) -> bool:
    match _members(pair):
        case (kind, Directive()):
            return isinstance(kind, type) and issubclass(kind, Exception)
        case _:
            return False


def _members(value: object) -> tuple[object, ...] | None:
    """Of a tuple; None: it is none."""
    return cast("tuple[object, ...]", value) if isinstance(value, tuple) else None


def _check(owner: object, forms: Mapping[str, Form], prefix: str = "") -> None:
    for option, (types, how) in forms.items():
        value = getattr(owner, option)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _misfit(prefix + option, value, how)


def _misfit(option: str, value: object, how: str) -> BadSpec:
    return BadSpec(f"{option} is {how}, not {value!r}")
