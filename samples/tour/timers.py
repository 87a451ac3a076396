"""Timers: time comes as a message, and an answer may come later.

python -m samples.tour.timers
"""

import trio

from actors import Actor, Deferred, Message, Spec, receive
from runtime import System


class Boil(Message[str]):
    """Answered when the water boils."""

    who: str


class Warmer(Message[None]):
    """A moment has passed on the fire; the kettle says it to itself."""


class Kettle(Actor[Boil | Warmer]):
    degrees = 20

    @receive(Boil)
    def on_boil(self, message: Boil) -> Deferred[str]:
        if not self.ctx.deferred:
            self.ctx.timer("fire", 0.01, Warmer(), every=0.01)  # seconds
        return self.ctx.defer(message.who)  # the asker waits, the kettle does not

    @receive(Warmer)
    def on_warmer(self, _: Warmer) -> None:
        self.degrees += 20
        print(self.degrees, "degrees")
        if self.degrees == 100:
            self.ctx.cancel("fire")
            self.degrees = 20
            for who in self.ctx.deferred:  # who has hung up meanwhile is not in it
                self.ctx.resolve(who, f"tea for {who}")


async def main() -> None:
    cups: list[str] = []
    async with System() as system, trio.open_nursery() as nursery:
        kettle = system.spawn(Spec(Kettle))

        async def drink(who: str) -> None:
            cups.append(await kettle.ask(Boil(who=who)))

        nursery.start_soon(drink, "ann")
        nursery.start_soon(drink, "bob")
    print(*sorted(cups), sep="\n")


if __name__ == "__main__":
    trio.run(main)
