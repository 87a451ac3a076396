"""Dedup race: the same id twice at once; both workers look it up, both find nothing, both store it.

Mended: looking and storing are one turn of the ledger.
"""

import trio
from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System


class Seen(Message[bool]):
    id: str


class Store(Message[None]):
    id: str


class StoreOnce(Message[None]):
    id: str


class Stored(Message[tuple[str, ...]]):
    pass


LedgerMessage = Seen | Store | StoreOnce | Stored


class Ledger(Actor[LedgerMessage]):
    def __init__(self) -> None:
        self.ids: list[str] = []

    @receive(Seen)
    def on_seen(self, message: Seen) -> bool:
        return message.id in self.ids

    @receive(Store)
    def on_store(self, message: Store) -> None:
        self.ids.append(message.id)

    @receive(StoreOnce)
    def on_store_once(self, message: StoreOnce) -> None:
        if message.id not in self.ids:
            self.ids.append(message.id)

    @receive(Stored)
    def on_stored(self, _: Stored) -> tuple[str, ...]:
        return tuple(self.ids)


class Send(Message[None]):
    id: str


class Worker(Actor[Send]):
    def __init__(self, ledger: Ref[LedgerMessage]) -> None:
        self.ledger = ledger

    @receive(Send)
    async def on_send(self, message: Send) -> None:
        await self.keep(message.id)

    async def keep(self, id_: str) -> None:
        if not await self.ledger.ask(Seen(id=id_)):
            await self.ledger.ask(Store(id=id_))


class CarefulWorker(Worker):
    @override
    async def keep(self, id_: str) -> None:
        await self.ledger.ask(StoreOnce(id=id_))


async def twice(system: System, worker: type[Worker]) -> None:
    ledger = system.spawn(Spec(Ledger, name="ledger"))
    async with trio.open_nursery() as nursery:
        for name in ("ann", "bob"):
            nursery.start_soon(system.spawn(Spec(worker, (ledger,), name=name)).ask, Send(id="order-7"))
    stored = await ledger.ask(Stored())
    assert stored == ("order-7",), f"stored {len(stored)} times"


async def wrong(system: System) -> None:
    await twice(system, Worker)


async def fixed(system: System) -> None:
    await twice(system, CarefulWorker)
