"""Supervision: children, a crash, and a restart that costs nobody else anything.

python -m samples.tour.supervision
"""

import trio
from typing_extensions import override

from actors import Actor, Deferred, Message, Restarted, Spec, StartReason, receive
from actors.errors import ActorCrashed
from runtime import System


class Order(Message[str]):
    dish: str


class Cook(Actor[Order]):
    dishes = 0

    @override
    async def started(self, reason: StartReason) -> None:
        self.again = isinstance(reason, Restarted)

    @receive(Order)
    def on_order(self, message: Order) -> str:
        if message.dish == "fugu":
            raise ValueError("poison")  # no refusal that Order lists: a crash
        self.dishes += 1
        return (
            f"{message.dish}, dish {self.dishes} of {self.ctx.address}{', restarted' if self.again else ''}"
        )


class Kitchen(Actor[Order]):
    @override
    async def started(self, reason: StartReason) -> None:
        self.fish = self.ctx.spawn(Spec(Cook, name="fish"))  # a child ends with its parent
        self.soup = self.ctx.spawn(Spec(Cook, name="soup"))

    @receive(Order)
    def on_order(self, message: Order) -> Deferred[str]:
        cook = self.soup if "soup" in message.dish else self.fish
        return self.ctx.forward(cook)  # the cook answers; the kitchen takes the next order


async def main() -> None:
    async with System() as system:
        kitchen = system.spawn(Spec(Kitchen, name="kitchen"))
        for dish in ("sole", "pea soup", "fugu", "carp", "leek soup"):
            try:
                print(await kitchen.ask(Order(dish=dish)))
            except ActorCrashed as crash:
                print(f"no {dish}: {crash}")


if __name__ == "__main__":
    trio.run(main)
