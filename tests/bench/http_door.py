"""The HTTP door with a plain actor behind it, under 16 kept-alive connections."""

from collections.abc import Iterator

from tests.bench.figures import Figure, Options, middle
from tests.bench.processes import loaded, started

CONNECTIONS = 16


def measure(options: Options) -> Iterator[Figure]:
    with started("door") as door:
        rounds = [
            loaded(
                "http_load",
                door.address,
                "--connections",
                str(CONNECTIONS),
                "--seconds",
                str(options.seconds),
            )
            for _ in range(options.rounds)
        ]
    found = middle(rounds)
    yield Figure(
        f"HTTP door and an actor, {CONNECTIONS} connections",
        found["requests_per_s"],
        "requests/s",
        "> 10,000",
        {"p50 ms": found["p50_ms"], "p99 ms": found["p99_ms"], "errors": found["errors"]},
    )
