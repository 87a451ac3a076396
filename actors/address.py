"""Where an actor lives: a path of segments that survives restart, passivation and nodes.

A segment holds `A-Z a-z 0-9 . _ ~ -`; anything else is percent-encoded (RFC 3986, section 2.3).
"""

import re
from typing import Self
from urllib.parse import quote, unquote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

ADDRESS_MAX = 1_024
"""Bytes."""
_SHAPE = re.compile(r"(?:/(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)+\Z")


class BadAddress(ValueError):
    """Not `/segment/segment...`, or longer than `ADDRESS_MAX` bytes."""


class Address(str):
    """A checked path such as `/queue/000000000000/us-east-1/orders`. Raises BadAddress."""

    __slots__ = ()

    def __new__(cls, path: str) -> Self:
        if not _SHAPE.match(path):
            raise BadAddress(
                f"an address is /segment/segment... of [A-Za-z0-9._~-] or %XX, not {path[:80]!r}"
            )
        if len(path) > ADDRESS_MAX:
            raise BadAddress(f"an address has at most {ADDRESS_MAX} bytes, this one has {len(path)}")
        return super().__new__(cls, path)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A message may have an address as a field; in JSON it is the path."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def of(cls, *segments: str) -> Self:
        """The address made of `segments`, each percent-encoded as far as it must be."""
        return cls("".join(f"/{quote(segment, safe='')}" for segment in segments))

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, decoded."""
        return tuple(unquote(part) for part in self[1:].split("/"))

    @property
    def name(self) -> str:
        """The last segment, as it stands in the path."""
        return self.rpartition("/")[2]

    def child(self, name: str) -> "Address":
        """The address one level below."""
        return Address(f"{self}/{quote(name, safe='')}")


class Exact(Address):
    """One incarnation at an address, and none of its successors: `/a/b#7`.

    No address looks like it, so that whoever is looked up by it is not found: the usual way pays for it nothing.
    """

    __slots__ = ("address",)
    address: Address

    def __new__(cls, address: Address, number: int) -> Self:
        exact = str.__new__(cls, f"{address}#{number}")
        exact.address = address
        return exact


def address_of(to: Address) -> Address:
    """Where it is, whoever is meant there."""
    return to.address if isinstance(to, Exact) else to
