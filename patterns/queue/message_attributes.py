"""Attributes of a message: how they are written, digested, and chosen for a receive.

They are kept in the very bytes that their MD5 is taken of, so that a send encodes once and a receive that wants
all of them digests what it read: names sorted by their UTF-8 bytes; for each
`u32be(len) name u32be(len) DataType transport u32be(len) value`, transport 1 for text, 2 for binary.
Source: SQS developer guide, "Calculating the MD5 message digest for message attributes".
"""

from collections.abc import Iterable, Mapping
from hashlib import md5
from struct import Struct

from patterns.queue.messages import AttributeValue

_LENGTH = Struct(">I")
_TEXT = b"\x01"
_BINARY = b"\x02"
_EVERYTHING = frozenset({"All", ".*", "*"})  # `*` is what C# users send
_PREFIX_ENDS = ".*"


def encoded(attributes: Mapping[str, AttributeValue]) -> bytes:
    """The canonical bytes; none for no attributes."""
    if not attributes:
        return b""
    parts: list[bytes] = []
    for name, value in sorted((name.encode(), value) for name, value in attributes.items()):
        text = value.string is not None
        content = value.string.encode() if value.string is not None else value.binary or b""
        data_type = value.data_type.encode()
        parts += (
            _LENGTH.pack(len(name)),
            name,
            _LENGTH.pack(len(data_type)),
            data_type,
            _TEXT if text else _BINARY,
            _LENGTH.pack(len(content)),
            content,
        )
    return b"".join(parts)


def decoded(canonical: bytes) -> dict[str, AttributeValue]:
    """What `encoded` wrote, in the order of the names."""
    attributes: dict[str, AttributeValue] = {}
    at = 0
    while at < len(canonical):
        name, at = _field(canonical, at)
        data_type, at = _field(canonical, at)
        text = canonical[at : at + 1] == _TEXT
        content, at = _field(canonical, at + 1)
        attributes[name.decode()] = AttributeValue(
            data_type.decode(),
            string=content.decode() if text else None,
            binary=None if text else content,
        )
    return attributes


def _field(canonical: bytes, at: int) -> tuple[bytes, int]:
    begin = at + _LENGTH.size
    end = begin + _LENGTH.unpack_from(canonical, at)[0]
    return canonical[begin:end], end


def digest(canonical: bytes) -> str | None:
    """MD5 in hex; None for no attributes: the member is then left out."""
    return md5(canonical, usedforsecurity=False).hexdigest() if canonical else None


def body_digest(body: bytes) -> str:
    """MD5 in hex of the body's UTF-8."""
    return md5(body, usedforsecurity=False).hexdigest()


def selected(canonical: bytes, names: Iterable[str]) -> tuple[dict[str, AttributeValue], str | None]:
    """The attributes that `names` ask for (`All`, `.*`, `*`, a name, `prefix.*`), and the MD5 of just those."""
    wanted = frozenset(names)
    if not canonical or not wanted:
        return {}, None
    attributes = decoded(canonical)
    if wanted & _EVERYTHING:
        return attributes, digest(canonical)
    prefixes = tuple(name.removesuffix(_PREFIX_ENDS) for name in wanted if name.endswith(_PREFIX_ENDS))
    chosen = {
        name: value for name, value in attributes.items() if name in wanted or name.startswith(prefixes)
    }
    return chosen, digest(encoded(chosen))
