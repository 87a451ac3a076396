"""How long a message stays invisible against how long the work takes: duplicates on one side, latency on the other.

Eight consumers share a queue. The work takes 10 seconds in the mean, exponentially: now and then four times as long. One
in twenty dies in the middle of it, and its message comes back when the visibility timeout has ended. Too short a timeout
has live work done again; too long a one leaves the message of a dead consumer lying. A consumer that extends the
timeout while it works may choose a short one.

callboard lab run samples.experiments.visibility_timeout:EXPERIMENT
"""

import math
from statistics import median

import trio

from actors import Address, Ref
from patterns.queue.messages import (
    ChangeMessageVisibility,
    CreateQueue,
    DeleteMessage,
    QueueMessage,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from patterns.queue.pattern import pattern
from runtime import Entropy, System
from runtime.lab.experiment import Experiment, Measures

NAMES = Address.of("queue", "000000000000", "us-east-1")
QUEUE = Address.of("queue", "000000000000", "us-east-1", "orders")
CONSUMERS, WORK, DIES = 8, 10.0, 0.05
EVERY = 3.0
"""Seconds from one message to the next, in the mean."""


class Shop:
    """Who sends and who works, and what they have seen."""

    def __init__(self, system: System, messages: int, *, extends: bool) -> None:
        self.extends = extends
        self.queue: Ref[QueueMessage] = system.ref(QUEUE)
        self.now = system.clock.now
        self.pauses = system.entropy.stream("pauses")
        # each message has its own chance: what becomes of its n-th receive is the same at each point
        self.fates = {str(number): system.entropy.stream(f"message {number}") for number in range(messages)}
        self.sent: dict[str, float] = {}
        self.latency: dict[str, float] = {}
        """Seconds from the send to the end of the first whole work."""
        self.works = 0
        self.deleted: set[str] = set()

    async def produce(self) -> None:
        for body in self.fates:
            self.sent[body] = self.now()
            await self.queue.ask(SendMessage(entry=SendEntry(body), sender="0"))
            await trio.sleep(exponential(self.pauses, EVERY))

    async def consume(self, visibility: int, over: trio.CancelScope) -> None:
        while len(self.deleted) < len(self.fates):
            answer = await self.queue.ask(ReceiveMessage(wait=20, visibility=visibility))
            for message in answer.messages:
                async with trio.open_nursery() as nursery:
                    if self.extends:
                        nursery.start_soon(keep_invisible, self.queue, message.receipt_handle, visibility)
                    lives = await self.work(message.body)
                    nursery.cancel_scope.cancel()
                if lives:
                    await self.queue.ask(DeleteMessage(receipt_handle=message.receipt_handle))
                    self.deleted.add(message.body)
        over.cancel()

    async def work(self, body: str) -> bool:
        """False: who worked has died, and another takes its place."""
        dies, seconds = self.fates[body].fraction() < DIES, exponential(self.fates[body], WORK)
        await trio.sleep(seconds / 2 if dies else seconds)
        if not dies:
            self.works += 1
            self.latency.setdefault(body, self.now() - self.sent[body])
        return not dies


async def point(system: System, *, visibility: int, extends: bool, messages: int) -> Measures:
    """Works beyond the first for each message, and seconds until a message's first work is done."""
    await system.ref(NAMES).ask(CreateQueue(name="orders"))
    shop = Shop(system, messages, extends=extends)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shop.produce)
        for _ in range(CONSUMERS):
            nursery.start_soon(shop.consume, visibility, nursery.cancel_scope)
    return {
        "duplicates": shop.works / messages - 1,
        "latency": median(shop.latency.values()),
        "worst": max(shop.latency.values()),
    }


async def keep_invisible(queue: Ref[QueueMessage], handle: str, visibility: int) -> None:
    while True:
        await trio.sleep(visibility / 2)
        await queue.ask(ChangeMessageVisibility(receipt_handle=handle, timeout=visibility))


def exponential(chance: Entropy, mean: float) -> float:
    return -mean * math.log(1 - chance.fraction())


def surface(messages: int) -> Experiment:
    return Experiment(
        "visibility timeout",
        point,
        sweep={"visibility": (5, 15, 30, 60, 300), "extends": (False, True), "messages": (messages,)},
        patterns=[pattern],
    )


EXPERIMENT = surface(messages=200)
SHORT = surface(messages=60)
