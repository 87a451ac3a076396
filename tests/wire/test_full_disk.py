"""A disk without room, for real: what clients are told, what they can still read, and what is there afterwards."""

import ctypes
import errno
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.wire.aws_sdk import ClientError, sqs
from tests.wire.nodes import node

pytestmark = pytest.mark.wire

SIZE = 4 * 1_048_576
LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def small_disk(folder: Path) -> Generator[Path]:
    """A file system of its own, of `SIZE` bytes in memory; skips where this process may not mount one."""
    place = folder / "disk"
    place.mkdir()
    try:
        mounted = LIBC.mount(b"tmpfs", bytes(place), b"tmpfs", 0, f"size={SIZE}".encode())
    except AttributeError:
        pytest.skip("this system mounts in another way")
    if mounted != 0:
        pytest.skip(f"cannot mount a small disk: {errno.errorcode[ctypes.get_errno()]}")
    try:
        yield place
    finally:
        LIBC.umount2(bytes(place), 2)  # MNT_DETACH: whatever still has a file open there


def fill(place: Path) -> Path:
    """Leave no room on the disk; delete the file, and there is some again."""
    filler = place / "filler"
    for size in (65_536, 4_096, 1):
        with suppress(OSError), filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(size))
    return filler


class Sender:
    """Sends numbered messages, and keeps which were acknowledged and which refused."""

    def __init__(self, client: Any, queue: str) -> None:
        self.client = client
        self.queue = queue
        self.kept: set[str] = set()
        self.refused: set[str] = set()

    def send(self) -> int:
        """The status of one more send."""
        name = f"{len(self.kept) + len(self.refused)}:"
        try:
            self.client.send_message(QueueUrl=self.queue, MessageBody=name + "x" * 20_000)
        except ClientError as error:
            self.refused.add(name)
            status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            return status if error.response["Error"]["Code"] == "ServiceUnavailable" else -status
        self.kept.add(name)
        return 200

    def until(self, status: int) -> None:
        """Send until one is answered with `status`, and it must be soon."""
        for _ in range(10_000):
            if self.send() == status:
                return
        raise AssertionError(f"no send was answered with {status}")

    def count(self) -> int:
        """How many messages the queue says that it has."""
        name = "ApproximateNumberOfMessages"
        shown = self.client.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])
        return int(shown["Attributes"][name])

    def taken(self) -> list[str]:
        """The numbers of all messages that are there; each is deleted."""
        names: list[str] = []
        while found := self.client.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for one in found:
                names.append(one["Body"].partition(":")[0] + ":")
                self.client.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return names


def test_a_full_disk_refuses_sends_lets_reads_go_on_and_sends_too_once_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk, node(tmp_path, "--allow-reset", data=disk / "data") as running:
        client = sqs(running.url)
        sender = Sender(client, client.create_queue(QueueName="orders")["QueueUrl"])
        assert [sender.send() for _ in range(3)] == [200] * 3
        filler = fill(disk)
        sender.until(503)  # the files themselves still have some room
        assert [sender.send() for _ in range(5)] == [503] * 5
        assert sender.count() == len(sender.kept)
        assert len(client.list_queues()["QueueUrls"]) == 1
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            health = pool.request("GET", f"{running.url}/_callboard/health").json()
            reset = pool.request("POST", f"{running.url}/_callboard/reset")
        assert health == {"status": "ok", "writable": False}
        assert (reset.status, list(reset.json())) == (503, ["error"])

        filler.unlink()
        sender.until(200)
        assert [sender.send() for _ in range(3)] == [200] * 3
        found = sender.taken()
        client.close()
    assert sorted(found) == sorted(sender.kept)


def test_a_node_that_is_killed_on_a_full_disk_has_all_that_it_acknowledged_and_nothing_that_it_refused(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path) as disk:
        data = disk / "data"
        with node(tmp_path, data=data) as running:
            client = sqs(running.url)
            sender = Sender(client, client.create_queue(QueueName="orders")["QueueUrl"])
            sender.until(200)
            filler = fill(disk)
            sender.until(503)
            running.kill()
            client.close()
        with node(tmp_path, data=data) as running:  # still full
            client = sender.client = sqs(running.url)
            assert sender.count() == len(sender.kept)
            assert sender.send() == 503
            filler.unlink()
            sender.until(200)
            found = sender.taken()
            client.close()
    assert sorted(found) == sorted(sender.kept)
    assert len(sender.refused) > 1
