"""Queues filled for a figure, on the wire."""

import tempfile
from pathlib import Path

from tests.bench.processes import Program, call, loaded, request_bytes

URL = "http://127.0.0.1:4566/000000000000/orders"
BATCH = 10


def create(node: Program) -> None:
    call(node.url, "CreateQueue", {"QueueName": "orders", "Attributes": {"VisibilityTimeout": "3600"}})


def length(node: Program) -> int:
    """Messages that a receive may get."""
    name = "ApproximateNumberOfMessages"
    found = call(node.url, "GetQueueAttributes", {"QueueUrl": URL, "AttributeNames": [name]})
    return int(found["Attributes"][name])


def fill(node: Program, messages: int, size: int) -> None:
    """Send until at least `messages` bodies of `size` bytes wait."""
    entries = [{"Id": str(place), "MessageBody": "x" * size} for place in range(BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "request"
        template.write_bytes(request_bytes("SendMessageBatch", {"QueueUrl": URL, "Entries": entries}))
        seconds = 1.0
        while (missing := messages - length(node)) > 0:
            sent = loaded(
                "http_load", node.address, "--template", str(template), "--seconds", f"{seconds:.2f}"
            )
            seconds = min(20.0, max(0.2, missing / (sent["requests_per_s"] * BATCH)))
