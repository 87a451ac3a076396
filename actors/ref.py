"""A handle on an actor: an address, and the post that carries messages there.

A ref means *whoever lives there*: it survives restart and passivation. Equality is by address. An exact one
means who lives there now, and nobody after it.
"""

from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from actors.address import Address, Exact
from actors.message import Fits

R = TypeVar("R")
M_contra = TypeVar("M_contra", contravariant=True)


class Post(Protocol):
    """What carries a message from wherever `ask` or `tell` was called: the runtime's router."""

    def ask(self, to: Address, message: Any, within: float | None) -> Coroutine[Any, Any, Any]: ...
    def tell(self, to: Address, message: Any) -> Coroutine[Any, Any, None]: ...
    def exact(self, to: Address) -> Exact: ...
    def tell_exact(self, to: Exact, message: Any) -> Coroutine[Any, Any, None]: ...


class Ref(Generic[M_contra]):
    """Whoever lives at `address`; it takes only an M. A ref that takes more may stand for one that takes less."""

    __slots__ = ("_post", "address", "to")

    def __init__(self, address: Address, post: Post) -> None:
        self.address = address
        self.to = address
        """Whom its messages are for: an exact ref's is no plain address."""
        self._post = post

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """A message may carry a ref; in JSON it is its text, which no validator alone can turn back."""
        as_path = core_schema.to_string_ser_schema()
        return core_schema.is_instance_schema(cls, serialization=as_path)

    @override
    def __str__(self) -> str:
        return str(self.to)

    def exact(self) -> "Ref[M_contra]":
        """A ref to the incarnation that lives there now: after a restart, a discard or passivation it reaches nobody.

        What is said through it to a later one is a dead letter `stale`; an ask raises Stale. That holds until the
        incarnation begins with the message: what that stashes, or what is tried again after a crash, its successor
        handles. Equal to an exact ref to the same incarnation alone. `ctx.watch`, `stop` and `backlog` go by its
        address. While an actor starts, or waits for its restart, the incarnation to come is meant.
        Raises DeadLettered where nobody lives, StartFailed.
        """
        return ExactRef(self._post.exact(self.address), self._post)

    def ask(self, message: Fits[M_contra, R], *, within: float | None = None) -> Coroutine[Any, Any, R]:
        """Call the actor and wait for the reply.

        Structured: cancel the asker, and the handler is cancelled. `within` (seconds) is a deadline.
        Answered inline by an idle actor, it is no checkpoint. Raises the message's refusals, and ActorCrashed,
        ActorStopped, ActorRestarted, ActorRestarting, StartFailed, AskCycle, AskTimeout, MailboxFull, DeadLettered, Stopping;
        of a durable actor also StoreFull, CommitFailed, OutcomeUnknown.
        """
        return self._post.ask(self.to, message, within)

    def tell(self, message: Fits[M_contra, Any]) -> Coroutine[Any, Any, None]:
        """Put the message into the mailbox, waiting for room where that is its policy.

        Inside a turn it is an output of the turn and does not wait. Raises MailboxFull, Stopping; a message to
        nobody becomes a dead letter.
        """
        return self._post.tell(self.address, message)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.to == other.to

    @override
    def __hash__(self) -> int:
        return hash(self.to)

    @override
    def __repr__(self) -> str:
        return f"Ref({self.to})"


class ExactRef(Ref[M_contra]):
    """One incarnation; see `Ref.exact`."""

    __slots__ = ("_exact",)

    def __init__(self, to: Exact, post: Post) -> None:
        super().__init__(to.address, post)
        self.to = self._exact = to

    @override
    def tell(self, message: Fits[M_contra, Any]) -> Coroutine[Any, Any, None]:
        """See `Ref.tell`."""
        return self._post.tell_exact(self._exact, message)

    @override
    def exact(self) -> Ref[M_contra]:
        """Itself."""
        return self
