"""The ready-made checkers: data in, verdict out."""

from runtime.lab.checkers.deliveries import (
    Delivered,
    Sent,
    at_least_once,
    exactly_once,
    fifo,
    no_duplicates,
    no_loss,
)
from runtime.lab.checkers.linearizable import linearizable
from runtime.lab.checkers.models import (
    Cas,
    FencedLock,
    FifoQueue,
    KeyValue,
    Model,
    Queue,
    Register,
    SetOf,
)
from runtime.lab.checkers.versions import monotonic_reads, output_commit, read_your_writes

__all__ = [
    "Cas",
    "Delivered",
    "FencedLock",
    "FifoQueue",
    "KeyValue",
    "Model",
    "Queue",
    "Register",
    "Sent",
    "SetOf",
    "at_least_once",
    "exactly_once",
    "fifo",
    "linearizable",
    "monotonic_reads",
    "no_duplicates",
    "no_loss",
    "output_commit",
    "read_your_writes",
]
