"""Queues in a running system, with the store in memory and time that only a test moves."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from actors import Address, Ref
from patterns.queue.messages import (
    CreateQueue,
    DeleteMessage,
    GetQueueAttributes,
    NamesMessage,
    QueueMessage,
    Received,
    ReceivedMessages,
    ReceiveMessage,
    SendEntry,
    SendMessage,
    Sent,
    SetQueueAttributes,
)
from patterns.queue.pattern import queue_pattern
from patterns.queue.rules import Rules
from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.store import Disk, MemoryStore
from runtime.system import System

ACCOUNT, REGION = "000000000000", "us-east-1"
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
DELAYED = "ApproximateNumberOfMessagesDelayed"


def arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def redrive(name: str, receives: int = 1) -> str:
    return f'{{"deadLetterTargetArn":"{arn(name)}","maxReceiveCount":{receives}}}'


@dataclass
class Poll:
    """A receive that is under way in a task of its own."""

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    answer: ReceivedMessages | None = None

    @property
    def bodies(self) -> list[str] | None:
        """None: not answered yet."""
        return None if self.answer is None else [one.body for one in self.answer.messages]


@dataclass
class Theatre:
    """A system that runs; its questions are those of any client."""

    system: System
    clock: VirtualClock
    nursery: trio.Nursery

    @property
    def names(self) -> Ref[NamesMessage]:
        return self.system.ref(Address.of("queue", ACCOUNT, REGION))

    def queue(self, name: str = "orders") -> Ref[QueueMessage]:
        return self.system.ref(Address.of("queue", ACCOUNT, REGION, name))

    async def create(self, name: str = "orders", **attributes: str) -> Ref[QueueMessage]:
        await self.names.ask(CreateQueue(name=name, attributes=attributes))
        return self.queue(name)

    async def create_fifo(self, name: str = "orders.fifo", **attributes: str) -> Ref[QueueMessage]:
        return await self.create(
            name, **{"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        )

    async def send(self, queue: Ref[QueueMessage], *bodies: str, **entry: Any) -> Sent:
        """Sends in order; the last answer."""
        sent = [
            await queue.ask(SendMessage(entry=SendEntry(body, **entry), sender=ACCOUNT)) for body in bodies
        ]
        return sent[-1]

    async def receive(self, queue: Ref[QueueMessage], count: int = 10, **asked: Any) -> Sequence[Received]:
        asked = {"wait": 0, "system_names": ("All",), **asked}
        return (await queue.ask(ReceiveMessage(count=count, **asked))).messages

    async def bodies(self, queue: Ref[QueueMessage], count: int = 10, **asked: Any) -> list[str]:
        return [one.body for one in await self.receive(queue, count, **asked)]

    async def poll(
        self, queue: Ref[QueueMessage], wait: int | None = 20, count: int = 1, **asked: Any
    ) -> Poll:
        """Begin to wait; returns when the receive waits, or is answered."""
        poll = Poll()

        async def run() -> None:
            with poll.scope:
                poll.answer = await queue.ask(ReceiveMessage(count=count, wait=wait, **asked))

        self.nursery.start_soon(run)
        await wait_all_tasks_blocked()
        return poll

    async def delete(self, queue: Ref[QueueMessage], one: Received) -> None:
        await queue.ask(DeleteMessage(receipt_handle=one.receipt_handle))

    async def set(self, queue: Ref[QueueMessage], **attributes: str) -> None:
        await queue.ask(SetQueueAttributes(attributes=attributes))

    async def counts(self, queue: Ref[QueueMessage]) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        shown = await queue.ask(GetQueueAttributes(names=(*COUNTS, DELAYED)))
        return int(shown[COUNTS[0]]), int(shown[COUNTS[1]]), int(shown[DELAYED])


@asynccontextmanager
async def theatre(
    clock: VirtualClock,
    disk: Disk | None = None,
    *,
    rules: Rules | None = None,
    seed: int = 1,
    commit_time: Callable[[], float] | None = None,
    store: MemoryStore | None = None,
) -> AsyncGenerator[Theatre]:
    """Open one on `disk`; leave it, and the next one on the same disk is what a restart finds."""
    assert trio.lowlevel.current_clock() is clock, "a test names the fixture `clock` itself, or time is real"
    store = store or MemoryStore(disk, clock=clock.now, commit_time=commit_time)
    async with (
        System(
            patterns=[queue_pattern(rules)], store=store, clock=clock, entropy=Entropy(seed), drain_grace=0.0
        ) as system,
        trio.open_nursery() as nursery,
    ):
        yield Theatre(system, clock, nursery)
        nursery.cancel_scope.cancel()
