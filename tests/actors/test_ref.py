"""A ref is a value: equal by its address, and a message may carry it."""

from typing import Any

import pytest
from pydantic import ValidationError

from actors.address import Address
from actors.message import Message
from actors.ref import Ref


class Nobody:
    """It carries nothing."""

    def ask(self, to: Address, message: Any, within: float | None) -> Any:
        raise NotImplementedError

    def tell(self, to: Address, message: Any) -> Any:
        raise NotImplementedError

    def exact(self, to: Address) -> Any:
        raise NotImplementedError

    def tell_exact(self, to: Address, message: Any) -> Any:
        raise NotImplementedError


class Ping(Message[None]):
    """Answer there."""


class Introduce(Message[None]):
    """You may write to `other`."""

    other: Ref[Ping]
    at: Address


def test_a_message_carries_refs_and_addresses_and_says_them_as_paths() -> None:
    ref: Ref[Ping] = Ref(Address("/a/b"), Nobody())
    message = Introduce(other=ref, at=ref.address)
    assert message.other is ref
    assert message.model_dump_json() == '{"other":"/a/b","at":"/a/b"}'


def test_what_is_no_ref_or_no_address_is_refused_with_the_fields_name() -> None:
    ref: Ref[Ping] = Ref(Address("/a/b"), Nobody())
    with pytest.raises(ValidationError, match="other"):
        Introduce.model_validate({"other": "/a/b", "at": "/a/b"})
    with pytest.raises(ValidationError, match="an address is /segment/segment"):
        Introduce.model_validate({"other": ref, "at": "a b"})
