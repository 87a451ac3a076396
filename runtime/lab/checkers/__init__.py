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
from runtime.lab.checkers.node import Bounded, no_leaks, quiescent
from runtime.lab.checkers.supervision import Lives, Said, supervision
from runtime.lab.checkers.versions import monotonic_reads, output_commit, read_your_writes

__all__ = [
    "Bounded",
    "Cas",
    "Delivered",
    "FencedLock",
    "FifoQueue",
    "KeyValue",
    "Lives",
    "Model",
    "Queue",
    "Register",
    "Said",
    "Sent",
    "SetOf",
    "at_least_once",
    "exactly_once",
    "fifo",
    "linearizable",
    "monotonic_reads",
    "no_duplicates",
    "no_leaks",
    "no_loss",
    "output_commit",
    "quiescent",
    "read_your_writes",
    "supervision",
]
