"""A handle on an actor: an address, and the post that carries messages there.

A ref means *whoever lives there*: it survives restart and passivation. Equality is by address.
"""

from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from actors.address import Address
from actors.message import Fits

R = TypeVar("R")
M_contra = TypeVar("M_contra", contravariant=True)


class Post(Protocol):
    """What carries a message from wherever `ask` or `tell` was called: the runtime's router."""

    def ask(self, to: Address, message: Any, within: float | None) -> Coroutine[Any, Any, Any]: ...
    def tell(self, to: Address, message: Any) -> Coroutine[Any, Any, None]: ...


class Ref(Generic[M_contra]):
    """Whoever lives at `address`; it takes only an M. A ref that takes more may stand for one that takes less."""

    __slots__ = ("_post", "address")

    def __init__(self, address: Address, post: Post) -> None:
        self.address = address
        self._post = post

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A message may carry a ref; in JSON it is its address, which no validator alone can turn back."""
        as_path = core_schema.to_string_ser_schema()
        return core_schema.is_instance_schema(cls, serialization=as_path)

    @override
    def __str__(self) -> str:
        return str(self.address)

    def ask(self, message: Fits[M_contra, R], *, within: float | None = None) -> Coroutine[Any, Any, R]:
        """Call the actor and wait for the reply.

        Structured: cancel the asker, and the handler is cancelled. `within` (seconds) is a deadline.
        Answered inline by an idle actor, it is no checkpoint. Raises the message's refusals, and ActorCrashed,
        ActorStopped, ActorRestarted, ActorRestarting, StartFailed, AskCycle, AskTimeout, MailboxFull, DeadLettered, Stopping;
        of a durable actor also StoreFull, CommitFailed, OutcomeUnknown.
        """
        return self._post.ask(self.address, message, within)

    def tell(self, message: Fits[M_contra, Any]) -> Coroutine[Any, Any, None]:
        """Put the message into the mailbox, waiting for room where that is its policy.

        Inside a turn it is an output of the turn and does not wait. Raises MailboxFull, Stopping; a message to
        nobody becomes a dead letter.
        """
        return self._post.tell(self.address, message)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.address == other.address

    @override
    def __hash__(self) -> int:
        return hash(self.address)

    @override
    def __repr__(self) -> str:
        return f"Ref({self.address})"
