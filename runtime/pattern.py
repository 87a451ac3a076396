"""How a pattern announces itself: its actors by the prefix of their address, its services, its doors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from actors.actor import Spec
from actors.address import Address
from runtime.door.service import Service

PATTERNS = "callboard.patterns"
"""The group of entry points by which the command line learns of patterns."""
Factory = Callable[[Address], Spec[Any] | None]
"""How the actor of an address is built; None: nobody lives there."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, named by an entry point of the group `callboard.patterns` or handed to `System(patterns=[...])`.

    An actor of your own is one as well: `Pattern("auction", {"auction": lambda address: Spec(Auction)})`. Workers without
    an identity are a pool at the prefix's own address, `/auction`: see `patterns.routers.pool`.
    """

    name: str
    factories: Mapping[str, Factory] = field(default_factory=dict[str, Factory])
    """First segment of the address (`queue`) -> factory: called when somebody writes to an address without an actor, or watches it."""
    services: tuple[Service, ...] = ()


def installed_patterns() -> list[Pattern]:
    """All patterns that are installed, ours and others'."""
    points = sorted(metadata.entry_points(group=PATTERNS), key=lambda point: point.name)
    return [point.load() for point in points]
