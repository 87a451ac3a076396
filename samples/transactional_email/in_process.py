"""The story with the queue's actors in this very process: no endpoint, no HTTP, the same queue.

python -m samples.transactional_email.in_process --smtp 127.0.0.1:8025
"""

import argparse

import trio

from actors import Address, Ref
from patterns.queue.messages import (
    CreateQueue,
    DeleteMessage,
    GetQueueAttributes,
    QueueMessage,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from patterns.queue.pattern import pattern
from runtime.system import System
from samples.transactional_email.smtp import SmtpServer
from samples.transactional_email.story import (
    ACCOUNT,
    ATTRIBUTES,
    DEAD_LETTERS,
    LONG_POLL,
    PATIENCE,
    QUEUE,
    REGION,
    only_the_story,
    tell_story,
)
from samples.transactional_email.worker import Job

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class ActorQueue:
    """A MailQueue that asks the queue's actor."""

    def __init__(self, queue: Ref[QueueMessage]) -> None:
        self.queue = queue

    async def put(self, body: str) -> None:
        await self.queue.ask(SendMessage(entry=SendEntry(body), sender="shop"))

    async def take(self) -> Job | None:
        wanted = ReceiveMessage(wait=LONG_POLL, system_names=("ApproximateReceiveCount",))
        received = await self.queue.ask(wanted)
        for one in received.messages:
            tries = int(one.system_attributes["ApproximateReceiveCount"])
            return Job(one.body, one.receipt_handle, tries)
        return None

    async def delete(self, job: Job) -> None:
        await self.queue.ask(DeleteMessage(receipt_handle=job.handle))

    async def left(self) -> int:
        counts = await self.queue.ask(GetQueueAttributes(names=COUNTS))
        return sum(map(int, counts.values()))


async def create(system: System, name: str, attributes: dict[str, str]) -> ActorQueue:
    names = system.ref(Address.of("queue", ACCOUNT, REGION))
    await names.ask(CreateQueue(name=name, attributes=attributes))
    return ActorQueue(system.ref(Address.of("queue", ACCOUNT, REGION, name)))


async def run(smtp: SmtpServer) -> list[str]:
    # In memory: give it a SqliteStore, and what was queued survives the process.
    async with System(patterns=[pattern], intensity=PATIENCE) as system:
        dead_letters = await create(system, DEAD_LETTERS, {})
        queue = await create(system, QUEUE, ATTRIBUTES)
        return await tell_story(system, queue, dead_letters, smtp)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smtp", default="127.0.0.1:8025", metavar="HOST:PORT")
    host, _, port = parser.parse_args().smtp.rpartition(":")
    only_the_story()
    trio.run(run, SmtpServer(host, int(port)))


if __name__ == "__main__":
    main()
