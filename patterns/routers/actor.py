"""The router itself, a plain actor: in the tree, restarted and stopped as any other."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from typing_extensions import override

from actors.actor import Actor, Context, StartReason
from actors.address import Address
from actors.errors import NoRoutee
from actors.event import Key, Listing
from actors.handlers import receive, receive_any
from actors.message import Deferred
from actors.ref import Ref
from actors.signals import Terminated
from patterns.routers.messages import Freed
from patterns.routers.policies import Routing

M = TypeVar("M")


class Begins(Protocol):
    """A policy, whatever the router then answers."""

    def begin(self, ctx: Context) -> Routing: ...


class RouterActor(Actor[M]):
    """Whom it has, and how it chooses; where they come from is a derived class's business."""

    def __init__(self, policy: Begins) -> None:
        self._policy = policy
        self.routees: dict[Address, Ref[Any]] = {}

    @override
    async def started(self, reason: StartReason) -> None:
        self._routing = self._policy.begin(self.ctx)

    def keep(self, routees: Sequence[Ref[Any]]) -> None:
        """These are there now."""
        self.routees = {routee.address: routee for routee in routees}
        self._routing.changed(self.routees)

    def lose(self, address: Address) -> None:
        """One of them has gone."""
        if address in self.routees:
            self.keep([one for one in self.routees.values() if one.address != address])

    @receive(Freed)
    def on_freed(self, message: Freed) -> None:
        self._routing.freed(message.routee)

    @receive_any
    def on_any(self, message: Any) -> Deferred[Any]:
        if not self.routees:
            raise NoRoutee(self.ctx.address)
        return self._routing.route(message)


class GivenRouter(RouterActor[M]):
    """Its routees are told to it; whoever ends for good is left out, until the router restarts."""

    def __init__(self, policy: Begins, given: Sequence[Ref[Any]]) -> None:
        super().__init__(policy)
        self._given = given

    @override
    async def started(self, reason: StartReason) -> None:
        await super().started(reason)
        self.keep(self._given)
        for routee in self.routees.values():
            self.ctx.watch(routee)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        self.lose(message.address)


class KeyRouter(RouterActor[M]):
    """Its routees are whoever holds a key of the registry."""

    def __init__(self, policy: Begins, key: Key[Any]) -> None:
        super().__init__(policy)
        self._key = key

    @override
    async def started(self, reason: StartReason) -> None:
        await super().started(reason)
        self.ctx.subscribe(self._key)

    @receive(Listing)
    def on_listing(self, message: Listing) -> None:
        self.keep(message.of(self._key))
