"""The command line as a process: how a node starts, is refused, ends, and what it keeps when it is killed."""

import json
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.wire.aws_sdk import BotoCoreError, ClientError, sqs
from tests.wire.nodes import END_WITHIN, RunningNode, environment, node, run, until_waiting

pytestmark = pytest.mark.wire


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def one_line(said: str) -> str:
    (line,) = said.strip().splitlines()
    assert "Traceback" not in line
    return line


def test_a_second_node_on_one_folder_is_refused_with_one_line(tmp_path: Path, data: Path) -> None:
    with node(tmp_path, data=data):
        second = run(tmp_path, "up", "--port", "0", "--data", str(data))
    assert second.returncode == 1
    assert str(data) in one_line(second.stderr)


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with node(tmp_path) as running:
        port = running.url.rpartition(":")[2]
        second = run(tmp_path, "up", "--memory", "--port", port)
    assert second.returncode == 1
    assert f"port {port}" in one_line(second.stderr)


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path, data: Path) -> None:
    data.write_text("not a folder")
    refused = run(tmp_path, "up", "--port", "0", "--data", str(data))
    assert refused.returncode == 1
    assert str(data) in one_line(refused.stderr)


def test_a_missing_credentials_file_is_one_line(tmp_path: Path) -> None:
    refused = run(tmp_path, "up", "--memory", "--port", "0", "--credentials", "nowhere")
    assert refused.returncode == 1
    assert "nowhere" in one_line(refused.stderr)


@pytest.mark.parametrize(
    ("options", "variables"),
    [(("--port", "70000"), {}), (("--account", "12"), {}), ((), {"CALLBOARD_LOG_FORMAT": "odd"})],
)
def test_a_wrong_setting_exits_with_two(
    tmp_path: Path, options: tuple[str, ...], variables: dict[str, str]
) -> None:
    refused = run(tmp_path, "up", "--memory", *options, variables=variables)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


CTRL_C_AT = """
import signal, sys

at = sys.argv.pop(1)

class CtrlC:
    def find_spec(name, path, target=None):
        if name == at:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC)
from runtime.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["runtime.cli", "trio", "runtime.door.aws.door", "patterns.queue.pattern"])
def test_ctrl_c_while_the_command_is_still_importing_ends_it_without_a_word(
    tmp_path: Path, module: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT, module, "up", "--memory", "--port", "0"],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=END_WITHIN,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_version_and_tree_answer(tmp_path: Path) -> None:
    assert run(tmp_path, "version").stdout.strip()
    with node(tmp_path) as running:
        client = sqs(running.url)
        client.create_queue(QueueName="orders")
        client.close()
        tree = run(tmp_path, "tree", "--endpoint", running.url)
    assert tree.returncode == 0
    assert "orders" in tree.stdout
    assert one_line(run(tmp_path, "tree", "--endpoint", running.url).stderr)


def test_why_tells_of_a_long_poll_that_is_held_back(tmp_path: Path) -> None:
    with node(tmp_path) as running:
        client = sqs(running.url)
        url = client.create_queue(QueueName="orders")["QueueUrl"]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.receive_message, QueueUrl=url, WaitTimeSeconds=20)
            until_waiting(running, 1)
            tree = run(tmp_path, "tree", "--endpoint", running.url).stdout
            (address,) = (word for word in tree.split() if word.endswith("/orders"))
            told = run(tmp_path, "why", address, "--endpoint", running.url).stdout
            values = json.loads(run(tmp_path, "why", address, "--json", "--endpoint", running.url).stdout)
            client.send_message(QueueUrl=url, MessageBody="x")
            waiting.result()
        client.close()
        wrong = run(tmp_path, "why", "orders", "--endpoint", running.url)
    assert told.startswith(address)
    assert "\n  holds back 1: " in told
    assert [(one["path"], one["deferred_count"]) for one in values] == [(address, 1)]
    assert wrong.returncode == 1
    assert "an address is /segment/segment" in one_line(wrong.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_who_waits_keeps_everything_and_exits_with_zero(
    tmp_path: Path, data: Path, number: signal.Signals
) -> None:
    with node(tmp_path, data=data) as running:
        client = sqs(running.url)
        full = client.create_queue(QueueName="full")["QueueUrl"]
        empty = client.create_queue(QueueName="empty")["QueueUrl"]
        client.send_message(QueueUrl=full, MessageBody="kept")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.receive_message, QueueUrl=empty, WaitTimeSeconds=20)
            until_waiting(running, 1)
            assert running.stop(number) == 0
            assert "Messages" not in waiting.result()
        client.close()
        assert "Traceback" not in running.said()
    with node(tmp_path, data=data) as running:
        client = sqs(running.url)
        url = client.get_queue_url(QueueName="full")["QueueUrl"]
        assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"
        client.close()


def test_reset_is_served_only_where_it_is_allowed(tmp_path: Path) -> None:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        with node(tmp_path) as running:
            assert pool.request("POST", f"{running.url}/_callboard/reset").status >= 400
        with node(tmp_path, "--allow-reset") as running:
            client = sqs(running.url)
            client.create_queue(QueueName="orders")
            assert pool.request("POST", f"{running.url}/_callboard/reset").status == 200
            assert "QueueUrls" not in client.list_queues()
            client.close()


class Ledger:
    """What the clients know for certain, over all of a node's lives."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent: set[str] = set()
        """Bodies whose send was answered."""
        self.asked: set[str] = set()
        """Bodies whose send was begun; the answer may be lost."""
        self.received: set[str] = set()
        self.deleted: set[str] = set()
        """Bodies whose delete was answered."""
        self.came_back: set[str] = set()
        """Bodies that a receive gave which was begun after their delete had been answered."""


def produce(url: str, number: int, ledger: Ledger, over: threading.Event) -> None:
    client = sqs(url)
    queue = client.get_queue_url(QueueName="orders")["QueueUrl"]
    while not over.is_set():
        with ledger.lock:
            body = f"{number}-{len(ledger.asked)}"
            ledger.asked.add(body)
        try:
            client.send_message(QueueUrl=queue, MessageBody=body)
        except (BotoCoreError, ClientError):
            break
        with ledger.lock:
            ledger.sent.add(body)
    client.close()


def consume(url: str, ledger: Ledger, over: threading.Event) -> None:
    client = sqs(url)
    queue = client.get_queue_url(QueueName="orders")["QueueUrl"]
    while not over.is_set():
        try:
            take(client, queue, ledger)
        except (BotoCoreError, ClientError):
            break
    client.close()


def take(client: Any, queue: str, ledger: Ledger) -> int:
    """Receive up to five and delete them; how many there were."""
    with ledger.lock:
        deleted = set(ledger.deleted)
    answer = client.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=5, WaitTimeSeconds=1, VisibilityTimeout=2
    )
    taken = answer.get("Messages", [])
    for one in taken:
        with ledger.lock:
            ledger.received.add(one["Body"])
            ledger.came_back |= {one["Body"]} & deleted
        client.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
        with ledger.lock:
            ledger.deleted.add(one["Body"])
    return len(taken)


@pytest.mark.slow
def test_five_kills_lose_nothing_that_was_answered_and_bring_nothing_back(tmp_path: Path, data: Path) -> None:
    ledger = Ledger()
    for _ in range(5):
        with node(tmp_path, data=data) as running, ThreadPoolExecutor(8) as pool:
            client = sqs(running.url)
            client.create_queue(QueueName="orders")
            client.close()
            over = threading.Event()
            before = len(ledger.sent), len(ledger.deleted)
            for number in range(4):
                pool.submit(produce, running.url, number, ledger, over)
                pool.submit(consume, running.url, ledger, over)
            while len(ledger.sent) < before[0] + 200 or len(ledger.deleted) < before[1] + 50:
                assert running.process.poll() is None
                over.wait(0.01)  # the clients work meanwhile; the kill comes in the middle of it
            running.kill()
            over.set()
    with node(tmp_path, data=data) as running:
        drain(running, ledger)
    assert ledger.sent - ledger.received == set()
    assert ledger.came_back == set()
    assert ledger.received <= ledger.asked


def drain(running: RunningNode, ledger: Ledger) -> None:
    """Take what is left, in flight or not, until the node says that there is nothing."""
    client = sqs(running.url)
    queue = client.get_queue_url(QueueName="orders")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while True:
        take(client, queue, ledger)
        shown = client.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        if not any(int(value) for value in shown.values()):
            break
    client.close()


def test_what_is_in_flight_at_a_kill_stays_in_flight(tmp_path: Path, data: Path) -> None:
    with node(tmp_path, data=data) as running:
        client = sqs(running.url)
        url = client.create_queue(QueueName="orders")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody="a")
        (taken,) = client.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
        running.kill()
        client.close()
    with node(tmp_path, data=data) as running:
        client = sqs(running.url)
        assert "Messages" not in client.receive_message(QueueUrl=url)
        client.change_message_visibility(
            QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0
        )
        assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a"
        client.close()


def test_a_node_listens_on_loopback_alone_unless_it_is_told(tmp_path: Path) -> None:
    with (
        node(tmp_path) as running,
        socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=10) as met,
    ):
        assert met.getpeername()[0] == "127.0.0.1"
