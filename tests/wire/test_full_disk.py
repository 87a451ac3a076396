"""A disk without room, for real: what clients are told, what they can still read, and what is there afterwards."""

import ctypes
import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
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
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as full:
                assert full.errno == errno.ENOSPC
    return filler


class Sender:
    """Sends numbered messages, and keeps which were acknowledged and which refused."""

    def __init__(self, client: Any, queue: str) -> None:
        self.client = client
        self.queue = queue
        self.kept: set[str] = set()
        self.refused: set[str] = set()

    def send(self, size: int = 20_000) -> int:
        """The status of one more send."""
        name = f"{len(self.kept) + len(self.refused)}:"
        try:
            self.client.send_message(QueueUrl=self.queue, MessageBody=name + "x" * size)
        except ClientError as error:
            self.refused.add(name)
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        self.kept.add(name)
        return 200

    def until(self, status: int) -> None:
        """Send until one is answered with `status`, and it must be soon."""
        for _ in range(10_000):
            if self.send() == status:
                return
        raise AssertionError(f"no send was answered with {status}")


def all_names(client: Any, queue: str) -> list[str]:
    """Of all messages that are there; each is deleted."""
    names: list[str] = []
    while taken := client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for one in taken:
            names.append(one["Body"].partition(":")[0] + ":")
            client.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
    return names


def test_a_full_disk_refuses_sends_lets_reads_go_on_and_loses_nothing_over_a_kill(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        data = disk / "data"
        with node(tmp_path, "--allow-reset", data=data) as running:
            client = sqs(running.url)
            sender = Sender(client, client.create_queue(QueueName="orders")["QueueUrl"])
            assert [sender.send() for _ in range(3)] == [200] * 3
            filler = fill(disk)
            sender.until(503)  # the file itself still has some pages
            assert [sender.send() for _ in range(5)] == [503] * 5

            names = ["ApproximateNumberOfMessages"]
            shown = client.get_queue_attributes(QueueUrl=sender.queue, AttributeNames=names)["Attributes"]
            assert shown == {names[0]: str(len(sender.kept))}
            assert len(client.list_queues()["QueueUrls"]) == 1
            with urllib3.PoolManager(retries=False, timeout=10) as pool:
                health = pool.request("GET", f"{running.url}/_callboard/health").json()
                assert health == {"status": "ok", "writable": False}
                reset = pool.request("POST", f"{running.url}/_callboard/reset")
                assert (reset.status, list(reset.json())) == (503, ["error"])

            filler.unlink()
            sender.until(200)
            assert [sender.send() for _ in range(3)] == [200] * 3
            filler = fill(disk)
            sender.until(503)
            running.kill()
            client.close()
        filler.unlink()
        with node(tmp_path, data=data) as running:
            client = sqs(running.url)
            found = all_names(client, sender.queue)
            client.close()
    assert len(found) == len(set(found))
    assert set(found) == sender.kept
