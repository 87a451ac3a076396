"""XML text, and writers that are compiled from a model's output shapes."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.door.aws.model import Member, Model
from runtime.door.aws.query_naming import Aggregate, Naming

Writer = Callable[[list[str], Any], None]

# Parsers turn a bare CR into LF, and the client's MD5 check of a body would fail: hence &#xD;. What XML 1.0 has
# no place for (section 2.2) becomes U+FFFD: only names that a caller made up can hold it.
_ESCAPES: Mapping[int, str] = {
    **dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd"),
    13: "&#xD;",
    34: "&quot;",
    38: "&amp;",
    60: "&lt;",
    62: "&gt;",
}


def escape(text: str) -> str:
    """`text` as it stands between tags."""
    return text.translate(_ESCAPES)


def timestamp(seconds: float) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _base64(value: Any) -> str:
    return b64encode(value).decode()


_SCALARS: Mapping[str, Callable[[Any], str]] = {
    "string": escape,
    "character": escape,
    "integer": str,
    "long": str,
    "float": str,
    "double": str,
    "boolean": _boolean,
    "blob": _base64,
    "timestamp": timestamp,
}


class Writers:
    """Compiles the members of an output into a writer that appends XML to a list of pieces."""

    def __init__(self, model: Model, naming: Naming) -> None:
        self._model = model
        self._naming = naming
        self._structures: dict[str, Writer] = {}

    def structure(self, name: str | None) -> Writer:
        """Writes the members of a structure, without an element around them."""
        shape = self._model.shape(name)
        if shape.name not in self._structures:

            def later(out: list[str], value: Any) -> None:  # a shape that holds itself
                self._structures[shape.name](out, value)

            self._structures[shape.name] = later
            members = {key: self._member(key, member) for key, member in shape.members.items()}
            self._structures[shape.name] = _members(members)
        return self._structures[shape.name]

    def _member(self, name: str, member: Member) -> Writer:
        tag = self._naming.result(name, member)
        shape = self._model.shape(member.shape)
        layout = self._naming.aggregate(name, member)
        if shape.item is not None:
            item = self._element(layout.item or tag, shape.item)
            return _around("" if layout.flattened else tag, _each(item))
        if shape.key is not None and shape.value is not None:
            return self._map(tag, layout, shape.key, shape.value)
        return self._element(tag, member)

    def _map(self, tag: str, layout: Aggregate, key: Member, value: Member) -> Writer:
        write_key = self._element(layout.key, key)
        write_value = self._element(layout.value, value)

        def pair(out: list[str], entry: Any) -> None:
            write_key(out, entry[0])
            write_value(out, entry[1])

        entries = _each(_around(layout.item or tag, pair))
        return _around("" if layout.flattened else tag, lambda out, given: entries(out, given.items()))

    def _element(self, tag: str, member: Member) -> Writer:
        shape = self._model.shape(member.shape)
        text = _SCALARS.get(shape.kind)
        if text is not None:
            return lambda out, value: out.append(f"<{tag}>{text(value)}</{tag}>")
        if shape.kind == "structure":
            return _around(tag, self.structure(shape.name))
        return _around(tag, self._member(tag, member))  # a list in a list


def _members(members: Mapping[str, Writer]) -> Writer:
    def write(out: list[str], value: Any) -> None:
        for key, one in value.items():
            if one is not None:
                members[key](out, one)

    return write


def _around(tag: str, inner: Writer) -> Writer:
    if not tag:
        return inner

    def write(out: list[str], value: Any) -> None:
        out.append(f"<{tag}>")
        inner(out, value)
        out.append(f"</{tag}>")

    return write


def _each(item: Writer) -> Writer:
    def write(out: list[str], values: Any) -> None:
        for value in values:
            item(out, value)

    return write
