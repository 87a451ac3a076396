"""What became of messages: none lost, none twice, in order, each effect once. Linear in what they are given.

Ids are whatever names a message: a body, a deduplication id, a number. They must be unique among the sends.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from runtime.lab.history import Operation
from runtime.lab.verdict import Ok, Verdict, Violation, first

K = TypeVar("K", bound=Hashable)
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Sent:
    """One send: its id, its ordering key, and the places of its call and its return (see Operation)."""

    id: Hashable
    key: Hashable
    begun: float
    ended: float = math.inf

    @classmethod
    def of(cls, operation: Operation, id: Hashable, key: Hashable = None) -> "Sent":  # noqa: A002 -- a message's id
        """The send that a client's operation was."""
        return cls(id, key, operation.begun, operation.ended)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivery: of which message, and when, in seconds. A list of them is in the order in which they happened."""

    id: Hashable
    at: float = 0.0


def no_loss(acknowledged: Iterable[K], *found: Collection[K]) -> Verdict:
    """Each acknowledged message was delivered, or is visible, in flight or a dead letter at the end: is in one of `found`."""
    return first(
        "no_loss",
        (
            Violation("no_loss", f"{one}", "was acknowledged and is nowhere")
            for one in acknowledged
            if not any(one in place for place in found)
        ),
    )


def at_least_once(acknowledged: Iterable[K], delivered: Collection[K]) -> Verdict:
    """Each acknowledged message was delivered."""
    return first(
        "at_least_once",
        (
            Violation("at_least_once", f"{one}", "was acknowledged and never delivered")
            for one in acknowledged
            if one not in delivered
        ),
    )


def no_duplicates(
    delivered: Iterable[Delivered], *, window: float = math.inf, unknown: Collection[Hashable] = ()
) -> Verdict:
    """No message is delivered again within `window` seconds of its last delivery.

    `unknown` are those of whose sends, or acknowledgements, the end is not known: they may come twice.
    """
    last: dict[Hashable, tuple[int, float]] = {}
    for place, one in enumerate(delivered):
        if one.id in last and one.id not in unknown:
            before, at = last[one.id]
            if one.at - at <= window:
                detail = f"was delivered at {at:g} s and again at {one.at:g} s"
                return Violation("no_duplicates", f"{one.id}", detail, (before, place))
        last[one.id] = place, one.at
    return Ok("no_duplicates")


def fifo(
    sent: Iterable[Sent], delivered: Sequence[Delivered], *, set_aside: Collection[Hashable] = ()
) -> Verdict:
    """Of one key, what was acknowledged before another was sent is delivered before it, its redeliveries too.

    `set_aside` are those that have left the order by right: expired, or a dead letter. Sends that overlap have no order.
    """
    sends = {one.id: one for one in sent}
    places: defaultdict[Hashable, list[tuple[float, Sent]]] = defaultdict(list)
    for place, delivery in enumerate(delivered):
        if (send := sends.get(delivery.id)) is not None:
            places[send.key].append((place, send))
    seen = {delivery.id for delivery in delivered}
    for send in sends.values():
        if send.id not in seen and send.id not in set_aside:
            places[send.key].append((math.inf, send))
    return first("fifo", (found for key, of in places.items() if (found := _overtaking(key, of))))


def _overtaking(key: Hashable, places: Sequence[tuple[float, Sent]]) -> Violation | None:
    """From the end on: of what comes later, the one that was acknowledged first must not be older than what comes now."""
    later, where = places[-1][1], places[-1][0]
    for place, send in reversed(places):
        if place < math.inf and later.ended < send.begun:
            when = "never" if where == math.inf else "after it"
            detail = f"{later.id} was acknowledged before {send.id} was sent, and delivered {when}"
            steps = (int(place),) if where == math.inf else (int(place), int(where))
            return Violation("fifo", f"{key}", detail, steps)
        if send.ended < later.ended:
            later, where = send, place
    return None


def exactly_once(effects: Iterable[E], by: Callable[[E], K], *, wanted: Iterable[K]) -> Verdict:
    """At the end each wanted effect is there once, and no effect is there twice; `by` gives an effect's id."""
    counts = Counter(by(effect) for effect in effects)
    counts.update(dict.fromkeys(wanted, 0))
    return first(
        "exactly_once",
        (
            Violation("exactly_once", f"{one}", f"its effect is there {count} times")
            for one, count in counts.items()
            if count != 1
        ),
    )
