"""Which queue a QueueUrl means, and that what can be no queue's is no queue."""

import pytest

from patterns.queue.aws import queue_of_url
from patterns.queue.errors import QueueDoesNotExist

CALLER = ("111111111111", "us-east-1")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://127.0.0.1:4566/000000000000/orders", ("000000000000", "us-east-1", "orders")),
        ("https://other.host/000000000000/orders/", ("000000000000", "us-east-1", "orders")),
        ("https://sqs.eu-west-1.amazonaws.com/000000000000/orders", ("000000000000", "eu-west-1", "orders")),
        (
            "https://eu-west-1.queue.amazonaws.com/000000000000/a.fifo",
            ("000000000000", "eu-west-1", "a.fifo"),
        ),
        ("http://x/queue/eu-north-1/000000000000/orders", ("000000000000", "eu-north-1", "orders")),
        ("orders", ("111111111111", "us-east-1", "orders")),
    ],
)
def test_a_url_means_its_last_two_segments_whatever_its_host(url: str, meant: tuple[str, str, str]) -> None:
    assert queue_of_url(url, *CALLER) == meant


@pytest.mark.parametrize(
    "url",
    [
        "http://x/queue//000000000000/a",
        f"http://x/queue/{'r' * 2_000}/000000000000/a",
        "http://x/12/a",
        "http://x/000000000000/" + "a" * 81,
        "http://x/000000000000/%2e%2e%2fa",
        "",
        "/",
    ],
)
def test_a_url_that_can_be_no_queues_is_no_queue(url: str) -> None:
    with pytest.raises(QueueDoesNotExist):
        queue_of_url(url, *CALLER)
