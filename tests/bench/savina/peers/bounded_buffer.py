"""The same by the peers: see `ours/bounded_buffer.py`."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told
from tests.bench.savina.programs import PLACES


class Producer:
    """Tells its next item when the last one has a place."""

    def __init__(self, name: str, items: int) -> None:
        self.name, self.left = name, items

    def hear(self, message: Any) -> Iterator[told.Told]:
        if self.left:
            self.left -= 1
            yield "buffer", ("put", self.name, 1)


class Consumer:
    def __init__(self, name: str, items: int) -> None:
        self.name, self.left, self.got = name, items, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, item = message
        if kind == "item":
            self.left -= 1
            self.got += item
        if self.left:
            yield "buffer", ("get", self.name, 0)
        else:
            yield "judge", ("got", self.got)


class Buffer:
    def __init__(self) -> None:
        self.items: deque[int] = deque()
        self.producers: deque[tuple[str, int]] = deque()
        self.consumers: deque[str] = deque()

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, who, item = message
        if kind == "get":
            yield from self.get(who)
        elif self.consumers:
            yield self.consumers.popleft(), ("item", item)
            yield who, ("placed", 0)
        elif len(self.items) < PLACES:
            self.items.append(item)
            yield who, ("placed", 0)
        else:
            self.producers.append((who, item))

    def get(self, who: str) -> Iterator[told.Told]:
        if not self.items:
            self.consumers.append(who)
            return
        yield who, ("item", self.items.popleft())
        if self.producers:
            producer, waiting = self.producers.popleft()
            self.items.append(waiting)
            yield producer, ("placed", 0)


class Judge:
    def __init__(self, consumers: int) -> None:
        self.missing, self.total = consumers, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        self.total += message[1]
        self.missing -= 1
        if self.missing == 0:
            yield "end", self.total


def cast(producers: int, each: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    working: dict[str, told.Part] = {}
    for number in range(producers):
        for kind in (Producer, Consumer):
            name = f"{kind.__name__}-{number}"
            working[name] = kind(name, each)
    parts = {"buffer": Buffer(), "judge": Judge(producers), **working}
    return parts, [(name, ("start", 0)) for name in working]


pykka, thespian, triotp, xoscar = (
    told.pykka(cast),
    told.thespian(cast),
    told.triotp(cast),
    told.xoscar(cast),
)
