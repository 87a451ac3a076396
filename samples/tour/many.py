"""Many: a router in front of workers, a key that they are found by, a group that is told together.

python -m samples.tour.many
"""

import trio
from typing_extensions import override

from actors import Actor, Key, Message, Spec, StartReason, receive
from patterns.routers import Gather, broadcast, group, pool, round_robin
from runtime import System


class Wash(Message[str]):
    plate: int


class Count(Message[int]):
    """How many plates it has washed."""


class Sing(Message[None]):
    song: str


Dishwasher = Wash | Count | Sing
DISHWASHERS = Key[Dishwasher]("dishwashers")  # a typed key: `find` answers Ref[Dishwasher]


class Washer(Actor[Dishwasher]):
    plates = 0

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.register(DISHWASHERS)
        self.ctx.join("choir")

    @receive(Wash)
    def on_wash(self, message: Wash) -> str:
        self.plates += 1
        return f"plate {message.plate} by {self.ctx.address}"

    @receive(Count)
    def on_count(self, _: Count) -> int:
        return self.plates

    @receive(Sing)
    def on_sing(self, message: Sing) -> None:
        print(message.song)


async def main() -> None:
    async with System() as system:
        sink = system.spawn(pool(round_robin(), Spec(Washer), 3))  # speaks as its workers do
        for plate in range(1, 6):
            print(await sink.ask(Wash(plate=plate)))
        everyone = system.spawn(group(broadcast(), DISHWASHERS))
        print(sorted((await everyone.ask(Gather(Count()))).replies.values()))
        print("found by their key:", len(system.registry.find(DISHWASHERS)))
        await system.groups.publish("choir", Sing(song="la la la"))


if __name__ == "__main__":
    trio.run(main)
