"""What a message may hold: nothing that its receiver could change behind its sender's back.

A message is passed as it is, never copied; so its class is looked at, once, when it is created. What an annotation
does not tell (`Any`, a class of one's own, a field of a frozen dataclass) is let through.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

from pydantic import BaseModel

from actors.errors import MutableMessage

INSTEAD: dict[type, str] = {
    MutableSequence: "a tuple, or bytes",
    MutableMapping: "a Mapping",
    MutableSet: "a frozenset",
}


def check_immutable(cls: type[BaseModel]) -> None:
    """Raises MutableMessage for a message class that is not frozen, or has a field that can be changed."""
    if not cls.model_config.get("frozen"):
        raise MutableMessage(f"{cls.__name__}: a message is frozen")
    for name, field in cls.model_fields.items():
        for kind, instead in _mutable(field.annotation):
            raise MutableMessage(
                f"{cls.__name__}.{name}: a {kind.__name__} could be changed by whoever gets it; write {instead}"
            )


def _mutable(annotation: Any) -> Iterator[tuple[type, str]]:
    """The types that the annotation contains and that can be changed, with what to write instead."""
    kind = typing.get_origin(annotation) or annotation
    if kind is Callable or kind is type:  # what they take and answer is not held
        return
    if isinstance(kind, type):
        yield from ((kind, instead) for mutable, instead in INSTEAD.items() if issubclass(kind, mutable))
        if _is_thawed(kind):
            yield kind, "it with frozen=True"
    for argument in typing.get_args(annotation):
        yield from _mutable(argument)


def _is_thawed(kind: type) -> bool:
    """Whether it is a dataclass or a model that is not frozen."""
    if dataclasses.is_dataclass(kind):
        return not typing.cast("Any", kind).__dataclass_params__.frozen
    return issubclass(kind, BaseModel) and not kind.model_config.get("frozen")
