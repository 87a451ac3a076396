"""Simulation: the same actors under virtual time and a seeded schedule. The same seed, the same run.

python -m samples.tour.simulation
"""

import trio

from actors import Actor, Message, Ref, Spec, receive
from runtime import System, simulate

SEEDS = 20
"""So many orders are tried."""


class Read(Message[int]):
    """How many visitors have been counted."""


class Write(Message[None]):
    visitors: int


class Counter(Actor[Read | Write]):
    visitors = 0

    @receive(Read)
    def on_read(self, _: Read) -> int:
        return self.visitors

    @receive(Write)
    def on_write(self, message: Write) -> None:
        self.visitors = message.visitors


async def visit(counter: Ref[Read | Write]) -> None:
    await trio.sleep(3600)  # an hour; in a simulation it takes no time
    seen = await counter.ask(Read())
    await counter.ask(Write(visitors=seen + 1))  # the bug: somebody may have come between


async def program(system: System) -> int:
    counter = system.spawn(Spec(Counter))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit, counter)
        nursery.start_soon(visit, counter)
    return await counter.ask(Read())


def main() -> None:
    runs = [simulate(program, seed=seed) for seed in range(SEEDS)]
    print("two visitors were counted as", *sorted({run.result for run in runs}, reverse=True))
    seed = next(seed for seed, run in enumerate(runs) if run.result == 1)
    again = simulate(program, seed=seed)  # as often as it takes to understand it
    print("the seed that lost one loses one again:", again.result == 1)
    print("each effect, in the same order:", again.digest == runs[seed].digest)
    print("virtual hours:", round(again.elapsed / 3600))


if __name__ == "__main__":
    main()
