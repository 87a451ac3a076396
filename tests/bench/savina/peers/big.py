"""The same by the peers: see `ours/big.py`."""

from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told
from tests.bench.savina.programs import other


class Friend:
    def __init__(self, number: int, actors: int, pings: int) -> None:
        self.number, self.actors, self.pings, self.pongs = number, actors, pings, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, sender = message
        if kind == "ping":
            yield f"friend-{sender}", ("pong", self.number)
            return
        self.pongs += kind == "pong"
        if self.pongs == self.pings:
            yield "sink", ("done", self.pongs)
        else:
            place = other(self.number, self.actors, self.pongs)
            yield f"friend-{place}", ("ping", self.number)


class Sink:
    def __init__(self, actors: int) -> None:
        self.missing, self.total = actors, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        self.total += message[1]
        self.missing -= 1
        if self.missing == 0:
            yield "end", self.total


def cast(actors: int, pings: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    friends = {f"friend-{number}": Friend(number, actors, pings) for number in range(actors)}
    return {"sink": Sink(actors), **friends}, [(name, ("start", None)) for name in friends]


pykka, thespian, xoscar = told.pykka(cast), told.thespian(cast), told.xoscar(cast)
