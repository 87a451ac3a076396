"""Flows: a pipeline of actors that never holds more than it says, however slow its end is.

python -m samples.tour.flows
"""

from collections.abc import Iterator

import trio

from actors import Actor, Message, Spec, receive
from patterns.flow import source
from runtime import System

WINDOW = 8
"""Leaves that a stage holds at most."""


class Weigh(Message[int]):
    leaf: int


class Scales(Actor[Weigh]):
    @receive(Weigh)
    def on_weigh(self, message: Weigh) -> int:
        return 10 + message.leaf % 3


def garden() -> Iterator[int]:
    leaf = 0
    while True:  # without end: the demand decides how many are picked
        leaf += 1
        yield leaf


async def main() -> None:
    async with System() as system:
        scales = system.spawn(Spec(Scales))
        bags = (
            source(garden())
            .map(lambda leaf: scales.ask(Weigh(leaf=leaf)), at_once=4)  # four asks at a time; the order stays
            .batch(5)
        )
        async with bags.open(system, window=WINDOW) as flow:
            packed = 0
            async for bag in flow:
                print("a bag of", sum(bag), "grams")
                packed += 1
                if packed == 3:
                    break  # leaving the block ends every stage
    report = flow.report
    print("bags delivered:", report.delivered)
    print(
        "never far ahead of them:", report.drawn <= 3 * 5 + 3 * WINDOW
    )  # source, map and batch each hold some


if __name__ == "__main__":
    trio.run(main)
