"""Runs actors on Trio: system, supervision, routing, clock, store, doors, lab.

The front door opens a room when its name is first asked for: importing all of them takes half a second, which a
command that has to hear Ctrl-C and a program that wants the store alone need not wait for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.clock import SystemClock, VirtualClock
    from runtime.entropy import Entropy
    from runtime.lab.simulation import simulate
    from runtime.pattern import Pattern
    from runtime.store import MemoryStore, SqliteStore
    from runtime.system import System

__all__ = [
    "Entropy",
    "MemoryStore",
    "Pattern",
    "SqliteStore",
    "System",
    "SystemClock",
    "VirtualClock",
    "simulate",
]

_ROOMS = {
    "Entropy": "runtime.entropy",
    "MemoryStore": "runtime.store",
    "Pattern": "runtime.pattern",
    "SqliteStore": "runtime.store",
    "System": "runtime.system",
    "SystemClock": "runtime.clock",
    "VirtualClock": "runtime.clock",
    "simulate": "runtime.lab.simulation",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = found
    return found
