"""What survives: the port, the store in memory, and the embedded one on SQLite."""

from runtime.store.memory import Disk, DiskFaults, MemoryStore
from runtime.store.port import (
    BadWrite,
    Batch,
    Durable,
    FenceLost,
    Outcome,
    Refused,
    Store,
    StoreBroken,
    StoreInUse,
    StoreTooNew,
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
    "Refused",
    "SqliteStore",
    "Store",
    "StoreBroken",
    "StoreInUse",
    "StoreTooNew",
    "Unknown",
]
