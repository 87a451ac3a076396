"""What no SDK does on purpose: many connections, pipelined requests, and clients that are gone in the middle."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.wire.nodes import RunningNode, until_waiting

pytestmark = pytest.mark.wire


def request(operation: str, path: str = "/", **members: Any) -> bytes:
    body = json.dumps(members).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: AmazonSQS.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def connect(running: RunningNode) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=30)


def post(pool: urllib3.PoolManager, url: str, operation: str, **members: Any) -> dict[str, Any]:
    answer = pool.request(
        "POST",
        url,
        body=json.dumps(members),
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"},
    )
    assert answer.status == 200, answer.data
    return json.loads(answer.data) if answer.data else {}


def counts(client: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(shown[names[0]]), int(shown[names[1]])


def test_who_hangs_up_in_a_long_poll_leaves_the_next_message_there(
    shared_node: RunningNode, client: Any, url: str
) -> None:
    with closing(connect(shared_node)) as gone:
        gone.sendall(request("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))
        until_waiting(shared_node, 1)
    until_waiting(shared_node, 0)
    client.send_message(QueueUrl=url, MessageBody="a")
    assert counts(client, url) == (1, 0)
    assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a"


def test_who_hangs_up_does_not_take_the_place_of_who_still_waits(
    shared_node: RunningNode, client: Any, url: str
) -> None:
    with closing(connect(shared_node)) as there:
        with closing(connect(shared_node)) as gone:
            gone.sendall(request("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))
            until_waiting(shared_node, 1)
            there.sendall(request("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20))
            until_waiting(shared_node, 2)
        until_waiting(shared_node, 1)
        client.send_message(QueueUrl=url, MessageBody="a")
        assert b'"Body":"a"' in there.recv(65_536)


def test_pipelined_requests_are_done_and_answered_in_their_order(
    shared_node: RunningNode, client: Any, url: str
) -> None:
    wanted = 20
    with closing(connect(shared_node)) as pipe:
        pipe.sendall(
            b"".join(request("SendMessage", QueueUrl=url, MessageBody=str(n)) for n in range(wanted))
        )
        heard = b""
        while heard.count(b'"MD5OfMessageBody"') < wanted:
            heard += pipe.recv(65_536)
        assert heard.count(b"HTTP/1.1 200") == wanted
    bodies: list[str] = []
    while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [one["Body"] for one in found]
    assert bodies == [str(n) for n in range(wanted)]


def test_a_request_on_the_queues_own_path_reaches_it(shared_node: RunningNode, client: Any, url: str) -> None:
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        post(pool, url, "SendMessage", QueueUrl=url, MessageBody="a")
    assert counts(client, url) == (1, 0)


def test_sixty_four_connections_at_once_each_get_their_own(shared_node: RunningNode, url: str) -> None:
    with (
        urllib3.PoolManager(retries=False, timeout=60, maxsize=64) as pool,
        ThreadPoolExecutor(64) as threads,
    ):

        def work(number: int) -> int:
            for step in range(5):
                post(pool, shared_node.url, "SendMessage", QueueUrl=url, MessageBody=f"{number}-{step}")
            taken = 0
            while taken < 5:
                found = post(pool, shared_node.url, "ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
                for one in found["Messages"]:
                    post(
                        pool,
                        shared_node.url,
                        "DeleteMessage",
                        QueueUrl=url,
                        ReceiptHandle=one["ReceiptHandle"],
                    )
                    taken += 1
            return taken

        assert sum(threads.map(work, range(64))) == 320


def test_waiters_on_sixty_four_connections_get_one_message_each(
    shared_node: RunningNode, client: Any, url: str
) -> None:
    with (
        urllib3.PoolManager(retries=False, timeout=60, maxsize=64) as pool,
        ThreadPoolExecutor(64) as threads,
    ):
        waiting = [
            threads.submit(
                post, pool, shared_node.url, "ReceiveMessage",
                QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=1,
            )
            for _ in range(64)
        ]  # fmt: skip
        until_waiting(shared_node, 64)
        for number in range(64):
            client.send_message(QueueUrl=url, MessageBody=str(number))
        bodies = [one["Body"] for answer in waiting for one in answer.result()["Messages"]]
    assert sorted(bodies, key=int) == [str(n) for n in range(64)]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (request("SendMessage", MessageBody="a"), b"400"),
        (request("NoSuchOperation"), b"400"),
        (request("ReceiveMessage").replace(b"{}", b"[]"), b"400"),
        (request("ReceiveMessage").replace(b"{}", b"\xff{"), b"400"),
    ],
)
def test_bad_bytes_get_a_clean_answer_and_the_node_goes_on(
    shared_node: RunningNode, client: Any, url: str, raw: bytes, status: bytes
) -> None:
    with closing(connect(shared_node)) as odd:
        odd.sendall(raw)
        assert odd.recv(65_536).split(b" ")[1] == status
    assert counts(client, url) == (0, 0)


def test_members_of_a_wrong_type_are_a_serialization_error(shared_node: RunningNode, url: str) -> None:
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        answer = pool.request(
            "POST",
            shared_node.url + urlsplit(url).path,
            body=json.dumps({"QueueUrl": url, "MessageBody": 5}),
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AmazonSQS.SendMessage",
            },
        )
        assert answer.status == 400
        assert "SerializationException" in json.loads(answer.data)["__type"]
        assert answer.headers["x-amzn-query-error"].endswith(";Sender")
