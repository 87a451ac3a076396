"""The node's counters as OpenMetrics text (the OpenMetrics 1.0 specification).

They are kept anyway by the rooms they count, so a page costs one walk over the cells and nothing before.
"""

from collections.abc import Iterator
from typing import Any

from runtime.system import System

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def openmetrics(system: System, requests: int, connections: int) -> str:
    """The whole page, closing line included."""
    lines = [
        *_node(requests, connections),
        *_store(system),
        *_letters(system),
        *_slow(system),
        *_actors(system),
        "# EOF",
        "",
    ]
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
    counts = {f'reason="{reason}"': count for reason, count in sorted(system.letters.counts.items())}
    yield from _family("callboard_dead_letters", "counter", "Messages that reached nobody.", counts)


def _slow(system: System) -> Iterator[str]:
    counts = {} if system.watchdog is None else dict(system.watchdog.counts)
    values = {f'actor="{actor}"': count for actor, count in sorted(counts.items())}
    yield from _family("callboard_slow_turns", "counter", "Turns that held the loop for too long.", values)


def _actors(system: System) -> Iterator[str]:
    kinds: dict[str, list[int]] = {}
    for cell in system.router.cells.values():
        row = kinds.setdefault(type(cell.actor).__name__, [0, 0, 0, 0])
        row[0] += 1
        row[1] += len(cell.mailbox) if cell.mailbox is not None else 0
        row[2] += cell.handled
        row[3] += cell.restarts
    for place, (name, kind, help_text) in enumerate(
        (
            ("callboard_actors", "gauge", "Actors running."),
            ("callboard_mailbox_messages", "gauge", "Messages waiting."),
            ("callboard_actor_handled", "gauge", "Messages handled by the actors that run now."),
            ("callboard_actor_restarts", "gauge", "Restarts of the actors that run now."),
        )
    ):
        yield from _family(
            name, kind, help_text, {f'actor="{actor}"': row[place] for actor, row in sorted(kinds.items())}
        )


def _family(name: str, kind: str, help_text: str, values: dict[str, Any]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    yield f"# HELP {name} {help_text}"
    suffix = "_total" if kind == "counter" else ""
    for labels, value in values.items():
        yield f"{name}{suffix}{{{labels}}} {value}" if labels else f"{name}{suffix} {value}"
