"""Check, then act, over two actors: two buyers ask whether there is one left, both are told yes, both take it.

Mended: taking is what is asked; who comes too late is told so.
"""

import trio
from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System


class Left(Message[int]):
    pass


class Take(Message[None]):
    pass


class TryTake(Message[bool]):
    """Whether there was one."""


class Stock(Actor[Left | Take | TryTake]):
    left = 1

    @receive(Left)
    def on_left(self, _: Left) -> int:
        return self.left

    @receive(Take)
    def on_take(self, _: Take) -> None:
        self.left -= 1

    @receive(TryTake)
    def on_try_take(self, _: TryTake) -> bool:
        if not self.left:
            return False
        self.left -= 1
        return True


class Reserve(Message[None]):
    pass


class Orders(Actor[Reserve]):
    reserved = 0

    @receive(Reserve)
    def on_reserve(self, _: Reserve) -> None:
        self.reserved += 1


class Buy(Message[None]):
    pass


class Buyer(Actor[Buy]):
    def __init__(self, stock: Ref[Left | Take | TryTake], orders: Ref[Reserve]) -> None:
        self.stock = stock
        self.orders = orders

    @receive(Buy)
    async def on_buy(self, _: Buy) -> None:
        await self.buy()

    async def buy(self) -> None:
        if await self.stock.ask(Left()) > 0:
            await self.orders.ask(Reserve())
            self.ctx.tell(self.stock, Take())


class CarefulBuyer(Buyer):
    @override
    async def buy(self) -> None:
        if await self.stock.ask(TryTake()):
            await self.orders.ask(Reserve())


async def sale(system: System, buyer: type[Buyer]) -> None:
    stock = system.spawn(Spec(Stock, name="stock"))
    orders = system.spawn(Spec(Orders, name="orders"))
    async with trio.open_nursery() as nursery:
        for name in ("ann", "bob"):
            nursery.start_soon(system.spawn(Spec(buyer, (stock, orders), name=name)).ask, Buy())
    left = await stock.ask(Left())
    assert left >= 0, f"{left} are left of one"


async def wrong(system: System) -> None:
    await sale(system, Buyer)


async def fixed(system: System) -> None:
    await sale(system, CarefulBuyer)
