"""The same by the peers: see `ours/logistic_map.py`."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told
from tests.bench.savina.programs import logistic


class Computer:
    def hear(self, message: Any) -> Iterator[told.Told]:
        series, value = message
        yield series, ("term", logistic(value))


class Series:
    def __init__(self, name: str, value: int, terms: int) -> None:
        self.name, self.value, self.left = name, value, terms
        self.waiting = False
        self.stash: deque[Any] = deque()

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, value = message
        if kind == "next":
            if self.waiting:
                self.stash.append(message)
                return
        else:
            self.value, self.waiting = value, False
            self.left -= 1
            if self.left == 0:
                yield "judge", (self.value,)
                return
            if not self.stash:
                return
            self.stash.popleft()
        self.waiting = True
        yield "computer", (self.name, self.value)


class Judge:
    def __init__(self, series: int) -> None:
        self.missing, self.total = series, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        self.total += message[0]
        self.missing -= 1
        if self.missing == 0:
            yield "end", self.total


def cast(series: int, terms: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    parts = {f"series-{first}": Series(f"series-{first}", first, terms) for first in range(1, series + 1)}
    return {"judge": Judge(series), "computer": Computer(), **parts}, [
        (name, ("next", 0)) for _ in range(terms) for name in parts
    ]


pykka, thespian, triotp, xoscar = (
    told.pykka(cast),
    told.thespian(cast),
    told.triotp(cast),
    told.xoscar(cast),
)
