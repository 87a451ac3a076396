"""Lost wake-up: a consumer finds the shelf empty, and says so; what is put between the two wakes nobody.

Mended: the shelf registers a waiter only while it is empty, in the turn that looks.
"""

from typing_extensions import override

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime import System


class Put(Message[None]):
    pass


class Count(Message[int]):
    pass


class Register(Message[None]):
    """Wake me at the next put."""

    waiter: Address


class Consume(Message[None]):
    pass


class Wake(Message[None]):
    pass


class Shelf(Actor[Put | Count | Register]):
    items = 0

    def __init__(self) -> None:
        self.waiters: list[Address] = []

    @receive(Put)
    def on_put(self, _: Put) -> None:
        self.items += 1
        self.wake()

    @receive(Count)
    def on_count(self, _: Count) -> int:
        return self.items

    @receive(Register)
    def on_register(self, message: Register) -> None:
        self.keep(message.waiter)

    def keep(self, waiter: Address) -> None:
        self.waiters.append(waiter)

    def wake(self) -> None:
        for waiter in self.waiters:
            self.ctx.tell(self.ctx.ref(waiter), Wake())
        self.waiters.clear()


class CarefulShelf(Shelf):
    @override
    def keep(self, waiter: Address) -> None:
        super().keep(waiter)
        if self.items:
            self.wake()


class Consumer(Actor[Consume | Wake]):
    def __init__(self, shelf: Ref[Put | Count | Register], served: list[str]) -> None:
        self.shelf = shelf
        self.served = served

    @receive(Consume)
    async def on_consume(self, _: Consume) -> None:
        if await self.shelf.ask(Count()):
            self.served.append("at once")
        else:
            self.ctx.tell(self.shelf, Register(waiter=self.ctx.address))

    @receive(Wake)
    def on_wake(self, _: Wake) -> None:
        self.served.append("woken")


class Producer(Actor[Put]):
    def __init__(self, shelf: Ref[Put | Count | Register]) -> None:
        self.shelf = shelf

    @receive(Put)
    def on_put(self, message: Put) -> None:
        self.ctx.tell(self.shelf, message)


async def one_item(system: System, shelf_class: type[Shelf]) -> None:
    served: list[str] = []
    shelf = system.spawn(Spec(shelf_class, name="shelf"))
    await system.spawn(Spec(Consumer, (shelf, served), name="consumer")).tell(Consume())
    await system.spawn(Spec(Producer, (shelf,), name="producer")).tell(Put())
    await system.dispatcher.quiet()
    assert served, "there is an item, and a consumer who waits for one"


async def wrong(system: System) -> None:
    await one_item(system, Shelf)


async def fixed(system: System) -> None:
    await one_item(system, CarefulShelf)
