"""Routers: plain actors that pass messages on, to one of their routees or to several. A shared room, importable by all."""

from patterns.routers.messages import Gather, Gathered, ToAll
from patterns.routers.pool import Size
from patterns.routers.router import (
    broadcast,
    consistent_hash,
    first_of,
    group,
    pool,
    random,
    round_robin,
    smallest_mailbox,
    tail_chop,
    work_pulling,
)

__all__ = [
    "Gather",
    "Gathered",
    "Size",
    "ToAll",
    "broadcast",
    "consistent_hash",
    "first_of",
    "group",
    "pool",
    "random",
    "round_robin",
    "smallest_mailbox",
    "tail_chop",
    "work_pulling",
]
