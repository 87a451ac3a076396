"""What is run: each program's name, its sizes, what it counts and what it must answer. Imports no framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FRAMEWORKS = ("callboard", "pykka", "thespian", "triotp", "xoscar")
ALONE = {framework: "not of Savina" for framework in FRAMEWORKS if framework != "callboard"}
NO_ASK = {"thespian": "an actor cannot ask, only send"}
Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """How large it is in a test, in a look and in a measurement; how many of `unit` a run makes; its right answer."""

    unit: str
    parts: tuple[str, ...]
    """What the numbers of a size are."""
    tiny: Size
    quick: Size
    full: Size
    work: Callable[[Size], int]
    right: Callable[[Size], object]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which framework cannot express it, and why."""

    def size(self, scale: str) -> Size:
        return {"tiny": self.tiny, "quick": self.quick, "full": self.full}[scale]


def first(size: Size) -> int:
    return size[0]


def second(size: Size) -> int:
    return size[1]


def product(size: Size) -> int:
    return size[0] * size[1]


PROGRAMS = {
    "ping_pong_told": Program(
        "messages/s", ("pings",), (10,), (5_000,), (50_000,), lambda size: 2 * size[0], first
    ),
    "ping_pong_asked": Program(
        "messages/s", ("asks",), (10,), (5_000,), (50_000,), lambda size: 2 * size[0], first, NO_ASK
    ),
    "counting": Program("messages/s", ("count",), (1_200,), (20_000,), (200_000,), first, first),
    "fork_join_throughput": Program(
        "messages/s", ("actors", "each"), (3, 5), (50, 200), (100, 1_000), product, first
    ),
    "fork_join_create": Program("actors/s", ("actors",), (5,), (1_000,), (10_000,), first, first),
    "thread_ring": Program(
        "messages/s",
        ("actors", "hops"),
        (3, 10),
        (100, 10_000),
        (100, 100_000),
        second,
        lambda size: size[1] % size[0],  # where the token ends
    ),
}
