"""A fault file: YAML, or JSON, which is the same; what is wrong in it is said with its line, and nothing of it is used.

PyYAML's scanner and nothing more of it: values are built here, so no tag can name a class, no alias can grow, and each
value's line is known. A file is at most 64 KiB and 12 levels deep.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

# PyYAML ships no types
import yaml as untyped_yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ValidationError

from runtime.faults.refusal import BadFaults

SIZE_MAX = 65_536
DEPTH_MAX = 12
_yaml: Any = untyped_yaml
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]


def read(text: str | bytes, model: type[M], name: str) -> tuple[M, "Lines"]:
    """The model of a text, and where its values stand in it. `name` is what a refusal calls it. Raises BadFaults."""
    if len(text) > SIZE_MAX:
        raise BadFaults(f"{name}: larger than {SIZE_MAX // 1024} KiB")
    lines = Lines(name)
    try:
        value = _parsed(text, lines)
        return model.model_validate(value), lines
    except UnicodeDecodeError:
        raise BadFaults(f"{name}: not UTF-8") from None
    except _yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        raise BadFaults(f"{name}{line}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    except ValidationError as error:
        raise BadFaults(_sentence(error, lines)) from None


class Lines:
    """At which line each value of a file stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lines: dict[Place, int] = {}

    def keep(self, place: Place, line: int) -> None:
        self._lines[place] = line

    def where(self, place: Sequence[str | int]) -> str:
        """`faults.yaml, line 4 (faults.0.gate.rate)`; of what is not in the file, the line of what it is missing in."""
        path = ".".join(str(one) for one in place)
        known = tuple(place)
        while known not in self._lines:
            known = known[:-1]
        return f"{self.name}, line {self._lines[known]}" + (f" ({path})" if path else "")


def _parsed(text: str | bytes, lines: Lines) -> Any:
    decoded = text if isinstance(text, str) else text.decode()
    _bounded(decoded, lines.name)
    loader: Any = _yaml.SafeLoader(decoded)
    try:
        node = loader.get_single_node()
        lines.keep((), 1 if node is None else node.start_mark.line + 1)
        return {} if node is None else _value(loader, node, (), lines)
    finally:
        loader.dispose()


def _bounded(text: str, name: str) -> None:
    """Before anything recurses over it."""
    depth = 0
    for event in _yaml.parse(text, Loader=_yaml.SafeLoader):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise BadFaults(f"{name}, line {line}: anchors and aliases are not taken")
        depth += isinstance(event, _yaml.CollectionStartEvent) - isinstance(event, _yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise BadFaults(f"{name}, line {line}: deeper than {DEPTH_MAX} levels")


def _value(loader: Any, node: Any, place: Place, lines: Lines) -> Any:
    lines.keep(place, node.start_mark.line + 1)
    if isinstance(node, _yaml.MappingNode):
        return _mapping(loader, node, place, lines)
    if isinstance(node, _yaml.SequenceNode):
        return [_value(loader, one, (*place, index), lines) for index, one in enumerate(node.value)]
    if node.tag not in _PLAIN:
        raise BadFaults(f"{lines.where(place)}: {node.value!r} is no text, number, true or false")
    return loader.construct_object(node)


def _mapping(loader: Any, node: Any, place: Place, lines: Lines) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key, str):
            raise BadFaults(f"{lines.where(place)}: a key is a text")
        if key in found:
            raise BadFaults(f"{lines.name}, line {key_node.start_mark.line + 1}: {key} stands here twice")
        found[key] = _value(loader, value_node, (*place, key), lines)
        lines.keep((*place, key), key_node.start_mark.line + 1)
    return found


def _sentence(error: ValidationError, lines: Lines) -> str:
    first = error.errors()[0]
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = f"there is no {first['loc'][-1]}"
    elif first["type"] == "missing":
        said = f"{first['loc'][-1]} is missing"
    return f"{lines.where(first['loc'])}: {said}"
