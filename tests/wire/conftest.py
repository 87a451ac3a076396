"""One node in memory for all tests that need no more of it than a queue of their own."""

from collections.abc import Generator
from typing import Any
from zlib import crc32

import pytest

from tests.wire.aws_sdk import sqs
from tests.wire.nodes import RunningNode, node


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningNode]:
    with node(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture(scope="session")
def client(shared_node: RunningNode) -> Generator[Any]:
    client = sqs(shared_node.url)
    yield client
    client.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A queue's name that no other test uses."""
    return f"{request.node.originalname[-60:]}-{crc32(request.node.name.encode()):08x}"


@pytest.fixture
def url(client: Any, name: str) -> str:
    return str(client.create_queue(QueueName=name)["QueueUrl"])


@pytest.fixture
def fifo(client: Any, name: str) -> str:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return str(client.create_queue(QueueName=f"{name[-70:]}.fifo", Attributes=attributes)["QueueUrl"])
