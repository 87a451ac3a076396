"""Work pulling: a message waits at the router until a routee is free. The only policy that is right for unequal work."""

from collections import deque
from typing import Any

from typing_extensions import override

from actors.actor import Context
from actors.address import Address
from actors.errors import ActorStopped, DeadLettered
from actors.message import Deferred
from actors.ref import Ref
from patterns.routers.messages import Freed
from patterns.routers.policies import Routees, Routing

GONE = ("no_such_address", "stopped")
"""Reasons of a dead letter that say that nobody lives there; of the others the routee may be asked again."""


class Pulled(Routing):
    """One message under way for each routee; the others are stashed, as many as the router's `capacity`.

    Beyond it the router refuses with StashFull. A message whose routee has failed is not tried again.
    """

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._of: Routees = {}
        self._busy: set[Address] = set()
        self._ended: set[Address] = set()
        """Known by their answer before `Terminated` is here: freed, they would swallow all that waits."""
        self._free: deque[Address] = deque()

    @override
    def changed(self, routees: Routees) -> None:
        super().changed(routees)
        before, self._of = self._of, dict(routees)
        self._free = deque(one for one in self._free if one in routees)
        self._ended.intersection_update(routees)
        came = [one for one in routees if one not in before and one not in self._busy]
        self._free.extend(came)
        # with nobody left, who waits is told so
        self.ctx.unstash(len(came) if routees else None)

    @override
    def freed(self, routee: Address) -> None:
        self._busy.discard(routee)
        if routee in self._of and routee not in self._ended:
            self._free.append(routee)
            self.ctx.unstash(1)

    @override
    def route(self, message: Any) -> Deferred[Any]:
        if not self._free:
            return self.ctx.stash()
        address = self._free.popleft()
        self._busy.add(address)
        routee = self._of[address]
        return self.ctx.answer(lambda: self._ask(routee, message), then=Freed(routee=address))

    async def _ask(self, routee: Ref[Any], message: Any) -> Any:
        try:
            return await routee.ask(message)
        except (ActorStopped, DeadLettered) as error:
            if isinstance(error, ActorStopped) or error.reason in GONE:
                self._ended.add(routee.address)
            raise
