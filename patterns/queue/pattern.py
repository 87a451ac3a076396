"""The queue pattern's one announcement."""

from typing import Any

from actors import Address, Spec
from patterns.queue.actor import QueueActor
from patterns.queue.aws import SQS
from patterns.queue.names_actor import NamesActor
from patterns.queue.rules import Rules
from runtime.pattern import Pattern

IDLE_AFTER = 120.0
"""Seconds: a queue of a million messages takes three to load again. A name that is no queue goes at once."""


def queue_pattern(rules: Rules | None = None) -> Pattern:
    """The pattern, with the waits of the real service switched on or off."""
    kept = rules or Rules()

    def factory(address: Address) -> Spec[Any] | None:
        match len(address.segments):
            case 3:
                return Spec(NamesActor, (address, kept), idle_after=IDLE_AFTER)
            case 4:
                return Spec(QueueActor, (address, kept), idle_after=IDLE_AFTER)
            case _:
                return None

    return Pattern("queue", {"queue": factory}, (SQS,))


pattern = queue_pattern()
