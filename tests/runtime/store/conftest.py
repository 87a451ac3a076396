"""Both backends behind one fixture: what a test says of the port, it says of each."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from runtime.store import Disk, MemoryStore, SqliteStore, Store

NOW = 1_700_000_000.0
Reopen = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Opens the store; once it is closed, opens it again with what it kept."""
    if request.param == "memory":
        disk = Disk()
        return lambda: MemoryStore(disk, clock=lambda: NOW)
    return lambda: SqliteStore(tmp_path / "node", lambda: NOW)


@pytest.fixture
async def store(opener: Reopen) -> AsyncIterator[Store]:
    opened = opener()
    yield opened
    await opened.aclose()
