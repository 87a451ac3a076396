"""A node's own pages, in-process; and where it logs."""

import errno
import json
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from typing_extensions import override

from actors import Address, Message, Ref, Spec, receive
from actors.durable import DurableActor, Put, Stored
from runtime import Pattern, node
from runtime.config import LogFormat, Settings
from runtime.door.http import Response
from runtime.node import open_node
from runtime.observe.logs import configure
from runtime.store import Disk, MemoryStore


class Note(Message[int]):
    """How many there are now."""


class Book(DurableActor[Note]):
    notes = 0

    @override
    async def load(self, stored: Stored) -> None:
        self.notes = len(await stored.scan(""))

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.ctx.stage(Put(str(self.notes), b""))
        self.notes += 1
        return self.notes


BOOK = Pattern("book", {"book": lambda _: Spec(Book)})


def said(page: Response) -> Any:
    assert ("Content-Type", "application/json") in page.headers
    return json.loads(page.body)


async def test_a_full_disk_answers_a_reset_with_503_and_a_sentence_and_nothing_is_emptied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = Disk()

    def on_that_disk(*_: object) -> MemoryStore:
        return MemoryStore(disk)

    monkeypatch.setattr(node, "open_store", on_that_disk)
    async with open_node(Settings(port=0, data=tmp_path), [BOOK]) as running:
        book: Ref[Note] = running.system.ref(Address.of("book", "a"))
        assert await book.ask(Note()) == 1
        disk.faults.full = True
        refused = await running.reset()
        assert refused.status == 503
        assert said(refused) == {"error": "not emptied: the disk is full"}
        disk.faults.full = False
        assert await book.ask(Note()) == 2
        assert said(await running.reset()) == {"status": "empty"}
        assert await book.ask(Note()) == 1


@pytest.fixture
def logged() -> Iterator[None]:
    """Logs are configured as a node does it."""
    before: dict[str, Any] = structlog.get_config()
    with redirect_stderr(StringIO()) as first:
        configure(LogFormat.TEXT)
    first.close()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("logged")
def test_a_line_is_logged_to_what_standard_error_is_now_and_not_to_what_it_was() -> None:
    with redirect_stderr(StringIO()) as now:
        structlog.get_logger().warning("said")
    assert "said" in now.getvalue()


class Full(StringIO):
    """A log file on a disk without room."""

    @override
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.usefixtures("logged")
def test_a_line_that_finds_no_room_is_lost_and_raises_nothing() -> None:
    with redirect_stderr(Full()) as full:
        structlog.get_logger().error("said")
    assert full.getvalue() == ""
