"""What survives: the port, the store in memory, and the embedded one on SQLite."""

from runtime.store.disk import Disk, DiskFaults, PowerCut
from runtime.store.memory import MemoryStore
from runtime.store.port import (
    BadWrite,
    Batch,
    Durable,
    FenceLost,
    Outcome,
    Refused,
    Store,
    StoreBroken,
    StoreFull,
    StoreInUse,
    StoreTooNew,
    StoreUnusable,
    Unknown,
)
from runtime.store.sqlite import SqliteStore

__all__ = [
    "BadWrite",
    "Batch",
    "Disk",
    "DiskFaults",
    "Durable",
    "FenceLost",
    "MemoryStore",
    "Outcome",
    "PowerCut",
    "Refused",
    "SqliteStore",
    "Store",
    "StoreBroken",
    "StoreFull",
    "StoreInUse",
    "StoreTooNew",
    "StoreUnusable",
    "Unknown",
]
