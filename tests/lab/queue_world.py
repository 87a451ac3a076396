"""A queue with producers and consumers for simulations, and what everybody outside has seen of it."""

from dataclasses import dataclass, field

import trio

from actors import Address, Ref
from patterns.queue.messages import (
    CreateQueue,
    DeleteMessage,
    NamesMessage,
    QueueMessage,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from runtime import System

NAMES = Address.of("queue", "000000000000", "us-east-1")


def queue_address(name: str) -> Address:
    return Address.of("queue", "000000000000", "us-east-1", name)


@dataclass
class Seen:
    """Survives the node: what was tried, what was answered."""

    tried: set[str] = field(default_factory=set[str])
    sent: set[str] = field(default_factory=set[str])
    received: list[str] = field(default_factory=list[str])
    deleting: set[str] = field(default_factory=set[str])
    deleted: set[str] = field(default_factory=set[str])


async def produce_and_consume(system: System, seen: Seen, *, name: str = "orders", round_: int = 0) -> None:
    """Two producers and two consumers, until all that was sent in this round has been deleted."""
    names: Ref[NamesMessage] = system.ref(NAMES)
    queue: Ref[QueueMessage] = system.ref(queue_address(name))
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith(".fifo") else {}
    await names.ask(CreateQueue(name=name, attributes=fifo))

    async def produce(number: int) -> None:
        for place in range(4):
            body = f"{round_}.{number}.{place}"
            seen.tried.add(body)
            group = f"g{number}" if fifo else None
            await queue.ask(SendMessage(entry=SendEntry(body, group=group), sender="0"))
            seen.sent.add(body)
            await trio.sleep(0.001)

    async def consume() -> None:
        while len([body for body in seen.deleted if body.startswith(f"{round_}.")]) < 8:
            answer = await queue.ask(ReceiveMessage(count=3, wait=1))
            for message in answer.messages:
                seen.received.append(message.body)
                seen.deleting.add(message.body)
                await queue.ask(DeleteMessage(receipt_handle=message.receipt_handle))
                seen.deleted.add(message.body)

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(produce, number)
            nursery.start_soon(consume)


async def drain(system: System, name: str = "orders") -> list[str]:
    """Receive and delete until the queue stays empty for longer than any visibility timeout."""
    queue: Ref[QueueMessage] = system.ref(queue_address(name))
    bodies: list[str] = []
    empty = 0
    while empty < 3:
        answer = await queue.ask(ReceiveMessage(count=10, wait=20))
        empty = 0 if answer.messages else empty + 1
        for message in answer.messages:
            bodies.append(message.body)
            await queue.ask(DeleteMessage(receipt_handle=message.receipt_handle))
    return bodies
