"""The same by the peers: see `ours/dining_philosophers.py`."""

from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told


class Philosopher:
    def __init__(self, seat: int, meals: int) -> None:
        self.seat, self.meals, self.eaten = seat, meals, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        if message[0] == "eat":
            self.eaten += 1
            yield "waiter", ("sated", self.seat)
            if self.eaten == self.meals:
                yield "waiter", ("leave", self.eaten)
                return
        yield "waiter", ("hungry", self.seat)


class Waiter:
    def __init__(self, seats: int) -> None:
        self.forks, self.guests, self.total = [True] * seats, seats, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, number = message
        if kind == "leave":
            self.total += number
            self.guests -= 1
            if self.guests == 0:
                yield "end", self.total
            return
        left, right = number, (number + 1) % len(self.forks)
        if kind == "sated":
            self.forks[left] = self.forks[right] = True
        elif self.forks[left] and self.forks[right]:
            self.forks[left] = self.forks[right] = False
            yield f"philosopher-{number}", ("eat", None)
        else:
            yield f"philosopher-{number}", ("denied", None)


def cast(seats: int, meals: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    guests = {f"philosopher-{seat}": Philosopher(seat, meals) for seat in range(seats)}
    return {"waiter": Waiter(seats), **guests}, [(name, ("start", None)) for name in guests]


pykka, thespian, triotp, xoscar = (
    told.pykka(cast),
    told.thespian(cast),
    told.triotp(cast),
    told.xoscar(cast),
)
