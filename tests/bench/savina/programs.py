"""What is run: each program's name, its sizes, what it counts and what it must answer. Imports no framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FRAMEWORKS = ("callboard", "pykka", "thespian", "triotp", "xoscar")
ALONE = {framework: "not of Savina" for framework in FRAMEWORKS if framework != "callboard"}
NO_ASK = {"thespian": "an actor cannot ask, only send"}
Size = tuple[int, ...]
KEYS = 512
"""Of the dictionary."""
PLACES = 10
"""Of the buffer; there are as many consumers as producers."""
UNDER_WAY = 50
"""Transfers that the teller has open at once."""
COLOURS = 3
"""Of chameneos: 0, 1 and 2."""


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


def draw(number: int, below: int) -> int:
    """Chance that is the same for every framework: a multiplicative hash of the number."""
    return (number * 2_654_435_761 % 4_294_967_296 >> 8) % below


def other(number: int, actors: int, turn: int) -> int:
    """One of the actors, and not itself."""
    return (number + 1 + draw(number + turn * actors, actors - 1)) % actors


def complement(mine: int, others: int) -> int:
    """The third colour; the same one twice stays."""
    return mine if mine == others else COLOURS - mine - others


def logistic(value: int) -> int:
    """A logistic map on whole numbers: the same on every machine."""
    return 3_999_983 * value * (1_000_003 - value) % 1_000_003


def last_terms(series: int, terms: int) -> int:
    """The last term of each series, which begin at 1, 2 and so on, added up."""
    values = list(range(1, series + 1))
    for _ in range(terms):
        values = [logistic(value) for value in values]
    return sum(values)


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
    "concurrent_dictionary": Program(
        "requests/s", ("workers", "requests"), (3, 20), (20, 500), (20, 5_000), product, product
    ),
    "chameneos": Program(
        "meetings/s",
        ("creatures", "meetings"),
        (3, 10),
        (100, 2_000),
        (100, 20_000),
        second,
        lambda size: 2 * size[1],
    ),
    "big": Program(
        "messages/s",
        ("actors", "pings"),
        (4, 5),
        (50, 100),
        (100, 1_000),
        lambda size: 2 * size[0] * size[1],
        product,
        {"triotp": "a cast waits until it is received: two that ping each other wait for ever"},
    ),
    "dining_philosophers": Program(
        "meals/s", ("seats", "meals"), (3, 5), (20, 100), (20, 1_000), product, product
    ),
    "bank_transaction": Program(
        "transfers/s",
        ("accounts", "transfers"),
        (4, 20),
        (100, 5_000),
        (1_000, 50_000),
        second,
        second,
        {"triotp": "a cast waits until it is received: two that credit each other wait for ever"},
    ),
    "bounded_buffer": Program(
        "items/s", ("producers", "each"), (3, 5), (20, 200), (20, 2_000), product, product
    ),
    "logistic_map": Program(
        "terms/s",
        ("series", "terms"),
        (3, 5),
        (20, 100),
        (100, 500),
        product,
        lambda size: last_terms(size[0], size[1]),
    ),
    # Beside Savina: what the others have no word for.
    "skynet": Program(
        "leaves/s",
        ("leaves",),
        (100,),
        (1_000,),
        (100_000,),
        first,
        lambda size: sum(range(size[0])),
        ALONE,
    ),
    "ask_chain": Program(
        "asks/s", ("depth", "asks"), (5, 2), (50, 200), (50, 2_000), product, product, ALONE
    ),
    "activate": Program("actors/s", ("addresses",), (5,), (10_000,), (1_000_000,), first, first, ALONE),
    "durable_counting": Program(
        "commits/s", ("askers", "each"), (3, 5), (64, 20), (64, 200), product, product, ALONE
    ),
    "supervised_crash": Program("crashes/s", ("crashes",), (5,), (1_000,), (10_000,), first, first, ALONE),
}
