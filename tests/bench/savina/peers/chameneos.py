"""The same by the peers: see `ours/chameneos.py`."""

from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told
from tests.bench.savina.programs import COLOURS, complement


class Creature:
    def __init__(self, name: str, colour: int) -> None:
        self.name, self.colour, self.met = name, colour, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, colour = message
        if kind == "over":
            yield "mall", ("met", self.met, 0)
            return
        if kind == "partner":
            self.met += 1
            self.colour = complement(self.colour, colour)
        yield "mall", ("meet", self.name, self.colour)


class Mall:
    def __init__(self, creatures: int, meetings: int) -> None:
        self.creatures, self.meetings = creatures, meetings
        self.waiting: Any = None
        self.total = 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, who, colour = message
        if kind == "met":
            self.total += who
            self.creatures -= 1
            if self.creatures == 0:
                yield "end", self.total
        elif self.meetings == 0:
            yield who, ("over", 0)
        elif self.waiting is None:
            self.waiting = who, colour
        else:
            (other, others), self.waiting = self.waiting, None
            self.meetings -= 1
            yield other, ("partner", colour)
            yield who, ("partner", others)


def cast(creatures: int, meetings: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    parts = {
        f"creature-{number}": Creature(f"creature-{number}", number % COLOURS) for number in range(creatures)
    }
    return {"mall": Mall(creatures, meetings), **parts}, [(name, ("start", 0)) for name in parts]


pykka, thespian, triotp, xoscar = (
    told.pykka(cast),
    told.thespian(cast),
    told.triotp(cast),
    told.xoscar(cast),
)
