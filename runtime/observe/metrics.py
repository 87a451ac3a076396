"""The node's counters as OpenMetrics text (the OpenMetrics 1.0 specification).

They are kept anyway by the rooms they count, so a page costs one walk over the cells and nothing before. Turn times
alone are measured, and only while the page is read each minute (`sampling.py`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import trio

from runtime.cell import Cell
from runtime.observe.sampling import EVERY
from runtime.observe.turns import BOUNDS, Kind, Times
from runtime.rooms import built_by
from runtime.system import System

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SLICE = 5_000
"""Actors that are looked at before other tasks run: 3 ms."""


async def openmetrics(
    system: System, requests: int, connections: int, faults: Mapping[str, int] | None = None
) -> str:
    """The whole page, closing line included. `faults`: how often each fault rule has acted, where faults are allowed."""
    system.sampling.keep_on()
    classes = await _classes(system)
    lines = [*_node(requests, connections), *_store(system), *_letters(system), *_slow(system)]
    if faults is not None:
        counts = {_labels(rule=rule): count for rule, count in sorted(faults.items())}
        lines += _family("callboard_faults_injected", "counter", "Faults injected on purpose.", counts)
    lines += [*_actors(classes), *_turns(system.sampling.turns.times), "# EOF", ""]
    return "\n".join(lines)


def _node(requests: int, connections: int) -> Iterator[str]:
    yield from _family("callboard_http_requests", "counter", "Requests answered.", {"": requests})
    yield from _family("callboard_http_connections", "gauge", "Connections open.", {"": connections})


def _store(system: System) -> Iterator[str]:
    figures = system.store.figures
    for name, help_text, value in (
        ("commits", "Commits, each one fsync.", figures.commits),
        ("batches", "Batches of one actor that were committed.", figures.batches),
        ("writes", "Rows and records written.", figures.writes),
        ("refused", "Batches refused: full, fence, bad write.", figures.refused),
        ("unknown", "Batches whose outcome was lost.", figures.unknown),
    ):
        yield from _family(f"callboard_store_{name}", "counter", help_text, {"": value})
    full = int(system.commit.full)
    yield from _family("callboard_store_full", "gauge", "1 while the disk takes no writes.", {"": full})


def _letters(system: System) -> Iterator[str]:
    counts = {_labels(reason=reason): count for reason, count in sorted(system.letters.counts.items())}
    yield from _family("callboard_dead_letters", "counter", "Messages that reached nobody.", counts)


def _slow(system: System) -> Iterator[str]:
    counts = {} if system.watchdog is None else dict(system.watchdog.counts)
    values = {_labels(actor=actor): count for actor, count in sorted(counts.items())}
    yield from _family("callboard_slow_turns", "counter", "Turns that held the loop for too long.", values)


class Class:
    """The actors of one class, added up."""

    __slots__ = ("actors", "handled", "longest", "messages", "restarts")

    def __init__(self) -> None:
        self.actors = self.messages = self.longest = self.handled = self.restarts = 0

    def add(self, cell: Cell) -> None:
        self.actors += 1
        self.handled += cell.handled
        self.restarts += cell.restarts
        if cell.mailbox:
            length = len(cell.mailbox)
            self.messages += length
            self.longest = max(self.longest, length)


async def _classes(system: System) -> dict[str, Class]:
    """By name, with what is gone. A walk over a million actors takes a second: others have their turn in between."""
    found: dict[str, Class] = defaultdict(Class)
    # in one step: who ends while others are looked at is counted once, among the living
    cells = list(system.router.cells.values())
    for name, count in system.gone.handled.items():
        found[name].handled += count
    for name, count in system.gone.restarts.items():
        found[name].restarts += count
    for place, cell in enumerate(cells):
        if place % SLICE == SLICE - 1:
            await trio.lowlevel.checkpoint()
        found[built_by(cell.spec)].add(cell)
    return found


def _actors(classes: dict[str, Class]) -> Iterator[str]:
    for name, kind, help_text, field in (
        ("callboard_actors", "gauge", "Actors running.", "actors"),
        ("callboard_mailbox_messages", "gauge", "Messages waiting.", "messages"),
        ("callboard_mailbox_longest", "gauge", "Messages waiting in the longest mailbox.", "longest"),
        ("callboard_actor_handled", "counter", "Messages handled.", "handled"),
        ("callboard_actor_restarts", "counter", "Restarts.", "restarts"),
    ):
        values = {_labels(actor=actor): getattr(row, field) for actor, row in sorted(classes.items())}
        yield from _family(name, kind, help_text, values)


def _turns(times: dict[Kind, Times]) -> Iterator[str]:
    name = "callboard_turn_seconds"
    yield f"# TYPE {name} histogram"
    yield f"# UNIT {name} seconds"
    yield f"# HELP {name} Turns that were measured: one in {EVERY} by chance, while this page is read each minute."
    for (actor, message), one in sorted(times.items()):
        labels = _labels(actor=actor, message=message)
        reached = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), one.buckets, strict=True):
            reached += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {reached}'
        yield f"{name}_count{{{labels}}} {reached}"
        yield f"{name}_sum{{{labels}}} {one.total}"


def _labels(**values: str) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _family(name: str, kind: str, help_text: str, values: dict[str, Any]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    yield f"# HELP {name} {help_text}"
    suffix = "_total" if kind == "counter" else ""
    for labels, value in values.items():
        yield f"{name}{suffix}{{{labels}}} {value}" if labels else f"{name}{suffix} {value}"
