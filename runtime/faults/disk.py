"""The seam at the store: a disk that is full for some actors or for all, slow, or whose answer is lost.

Put around the store of a node that may have faults at all; of any other node there is nothing of it.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import trio
from typing_extensions import override

from runtime.faults.engine import Faults
from runtime.faults.rule import EFFECTS, Effect
from runtime.store.port import Batch, Durable, Outcome, Refused, Store, StoreFull, Unknown

COMMITS = frozenset(EFFECTS["disk"]) - {"read_error"}


class InjectedLoss(Exception):
    """A fault rule has kept the store's answer back; what it was about stands."""

    @override
    def __str__(self) -> str:
        return "kept back by a fault rule"


class DiskSeam:
    """A store like the one it is around, but for what the rules say while it is installed."""

    def __init__(self, store: Store, faults: Callable[[], Faults]) -> None:
        self._store = store
        self._faults = faults
        self._installed = False

    def install(self) -> None:
        self._installed = True

    def remove(self) -> None:
        self._installed = False

    @property
    def immediate(self) -> bool:
        return self._store.immediate and not self._installed

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        """As the store's; what a full disk refuses is not handed to it."""
        if not self._installed:
            return await self._store.commit(batches)
        effects = {batch.actor: self._meet(batch) for batch in batches}
        slow = max((effect.slow or 0.0 for found in effects.values() for effect in found), default=0.0)
        if slow:
            await trio.sleep(slow)
        full = {actor for actor, found in effects.items() if any(effect.full for effect in found)}
        written = iter(await self._store.commit([batch for batch in batches if batch.actor not in full]))
        lost = {actor for actor, found in effects.items() if any(effect.ack_lost for effect in found)}
        outcomes: list[Outcome] = []
        for batch in batches:
            if batch.actor in full:
                outcomes.append(Refused(StoreFull("the disk is full, says a fault rule")))
                continue
            outcome = next(written)
            durable = isinstance(outcome, Durable)
            outcomes.append(Unknown(InjectedLoss()) if durable and batch.actor in lost else outcome)
        return outcomes

    def _meet(self, batch: Batch) -> list[Effect]:
        return self._faults().meet("disk", {"actor": batch.actor}, f"{batch.actor} commit", COMMITS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def around(store: Store, faults: Callable[[], Faults]) -> tuple[Store, DiskSeam]:
    """The store to run on, and its seam."""
    seam = DiskSeam(store, faults)
    return cast("Store", seam), seam
