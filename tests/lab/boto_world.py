"""Consumers and producers as anybody writes them with boto3: nothing in them knows of a simulation."""

import time
from typing import Any

from tests.wire.aws_sdk import Config, boto3

PATIENT = {"max_attempts": 12}
"""Retries that bridge the second in which a node comes back: botocore's own three end within 0.2 s."""


def make(name: str = "orders", **attributes: str) -> str:
    """Create the queue; its URL."""
    return str(
        boto3.client("sqs", config=Config(retries=PATIENT)).create_queue(
            QueueName=name, Attributes=attributes
        )["QueueUrl"]
    )


def produce(url: str, bodies: list[str], sent: list[str], **options: Any) -> None:
    """Send all of `bodies`; `sent` grows by what was acknowledged."""
    sqs = boto3.client("sqs", config=Config(**{"retries": PATIENT, **options}))
    for body in bodies:
        fifo = {"MessageGroupId": "g", "MessageDeduplicationId": body} if url.endswith(".fifo") else {}
        sqs.send_message(QueueUrl=url, MessageBody=body, **fifo)
        sent.append(body)


def consume(url: str, until: int, done: list[str]) -> None:
    """Receive by long polls, work, delete, until `done` has grown to `until`."""
    sqs = boto3.client("sqs", config=Config(retries=PATIENT))
    while len(done) < until:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []):
            time.sleep(0.2)
            if message["Body"] not in done:
                done.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def left(url: str) -> list[str]:
    """Receive and delete until nothing has come for longer than any visibility timeout."""
    queue = boto3.resource("sqs", config=Config(retries=PATIENT)).Queue(url)
    bodies: list[str] = []
    empty = 0
    while empty < 3:
        messages = queue.receive_messages(MaxNumberOfMessages=10, WaitTimeSeconds=20)
        empty = 0 if messages else empty + 1
        for message in messages:
            bodies.append(message.body)
            message.delete()
    return bodies
