"""The story with boto3 against a running node; only the endpoint differs from what you would write for AWS.

python -m samples.transactional_email.with_boto3 --endpoint http://127.0.0.1:4566 --smtp 127.0.0.1:8025
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import trio

from runtime.system import System
from samples.transactional_email.smtp import SmtpServer
from samples.transactional_email.story import (
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

COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


async def in_thread(call: Callable[[], Any]) -> Any:
    """boto3 blocks: beside actors, each call waits in a thread."""
    return await trio.to_thread.run_sync(call)  # noqa: TID251


class BotoQueue:
    """A MailQueue by boto3; making it makes the queue, if need be."""

    def __init__(self, endpoint: str, name: str, attributes: dict[str, str]) -> None:
        client: Callable[..., Any] = boto3.client  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        self.sqs = client(
            "sqs",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 -- a node without credentials accepts any
        )
        made = self.sqs.create_queue(QueueName=name, Attributes=attributes)
        self.url = str(made["QueueUrl"])

    async def put(self, body: str) -> None:
        await in_thread(partial(self.sqs.send_message, QueueUrl=self.url, MessageBody=body))

    async def take(self) -> Job | None:
        names = ["ApproximateReceiveCount"]
        received = await in_thread(
            partial(
                self.sqs.receive_message,
                QueueUrl=self.url,
                WaitTimeSeconds=LONG_POLL,
                MessageSystemAttributeNames=names,
            )
        )
        for one in received.get("Messages", []):
            return Job(one["Body"], one["ReceiptHandle"], int(one["Attributes"]["ApproximateReceiveCount"]))
        return None

    async def delete(self, job: Job) -> None:
        await in_thread(partial(self.sqs.delete_message, QueueUrl=self.url, ReceiptHandle=job.handle))

    async def left(self) -> int:
        answer = await in_thread(
            partial(self.sqs.get_queue_attributes, QueueUrl=self.url, AttributeNames=COUNTS)
        )
        return sum(map(int, answer["Attributes"].values()))


async def run(endpoint: str, smtp: SmtpServer) -> list[str]:
    async with System(intensity=PATIENCE) as system:
        dead_letters: BotoQueue = await in_thread(partial(BotoQueue, endpoint, DEAD_LETTERS, {}))
        queue: BotoQueue = await in_thread(partial(BotoQueue, endpoint, QUEUE, ATTRIBUTES))
        return await tell_story(system, queue, dead_letters, smtp)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", default="http://127.0.0.1:4566")
    parser.add_argument("--smtp", default="127.0.0.1:8025", metavar="HOST:PORT")
    given = parser.parse_args()
    host, _, port = given.smtp.rpartition(":")
    only_the_story()
    trio.run(run, given.endpoint, SmtpServer(host, int(port)))


if __name__ == "__main__":
    main()
