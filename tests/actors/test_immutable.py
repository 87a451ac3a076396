"""A message that its receiver could change is refused when its class is created."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from actors.errors import MutableMessage
from actors.message import Message
from actors.records import Record


@dataclass
class Thawed:
    x: int


@dataclass(frozen=True)
class Frozen:
    x: int


class Model(BaseModel):
    x: int


class Kept(Record):
    x: int


def message_of(annotation: Any) -> type[Any]:
    said = {
        "__annotations__": {"field": annotation},
        "model_config": ConfigDict(arbitrary_types_allowed=True),
    }
    return type("M", (Message[None],), {**said, "__module__": __name__})


@pytest.mark.parametrize(
    ("annotation", "instead"),
    [
        (list[int], "a list could be changed by whoever gets it; write a tuple, or bytes"),
        (bytearray, "a bytearray could be changed by whoever gets it; write a tuple, or bytes"),
        (dict[str, int], "a dict could be changed by whoever gets it; write a Mapping"),
        (set[int], "a set could be changed by whoever gets it; write a frozenset"),
        (Thawed, "a Thawed could be changed by whoever gets it; write it with frozen=True"),
        (Model, "a Model could be changed by whoever gets it; write it with frozen=True"),
        (tuple[list[int], ...], "a list could be changed"),
        (Mapping[str, set[int]], "a set could be changed"),
        (list[int] | None, "a list could be changed"),
        (Annotated[list[int], Field(max_length=3)], "a list could be changed"),
    ],
)
def test_a_field_that_can_be_changed_is_refused_by_name(annotation: Any, instead: str) -> None:
    with pytest.raises(MutableMessage) as refused:
        message_of(annotation)
    assert str(refused.value).startswith(f"M.field: {instead}")


def test_a_message_that_is_not_frozen_is_refused() -> None:
    with pytest.raises(MutableMessage, match="Loose: a message is frozen"):

        class Loose(Message[None], frozen=False):  # pyright: ignore[reportUnusedClass] -- it never is one
            x: int


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        tuple[int, ...],
        frozenset[int],
        Mapping[str, str],
        Sequence[int],
        Any,
        Frozen,
        Kept,
        type[int],
        Callable[[list[int]], dict[str, int]],
    ],
)
def test_what_cannot_be_changed_through_its_annotation_is_taken(annotation: Any) -> None:
    assert message_of(annotation).__name__ == "M"


def test_a_reply_may_be_a_list() -> None:
    class Look(Message[list[int]]):
        pass

    assert Look() == Look()
