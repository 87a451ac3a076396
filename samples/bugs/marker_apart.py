"""The mark that an order is booked is written apart from the booking: power that fails between them books it twice.

Mended: one turn writes both. The client asks again when the power is back, since it does not know what has happened.
"""

from typing_extensions import override

from actors import Address, DurableActor, Message, Put, Ref, Spec, Stored, receive
from runtime import Pattern, System


class Book(Message[None]):
    order: str


class Mark(Message[None]):
    order: str


class Look(Message[int]):
    """How many bookings there are."""


class Clerk(DurableActor[Book | Mark | Look]):
    @override
    async def load(self, stored: Stored) -> None:
        self.bookings = len(await stored.scan("booking/"))
        self.marked = {key.removeprefix("mark/") for key, _ in await stored.scan("mark/")}

    @receive(Book)
    def on_book(self, message: Book) -> None:
        if message.order not in self.marked:
            self.book(message.order)

    def book(self, order: str) -> None:
        self.ctx.stage(Put(f"booking/{self.bookings}", order.encode()))
        self.bookings += 1
        self.ctx.tell(self.ctx.me, Mark(order=order))

    @receive(Mark)
    def on_mark(self, message: Mark) -> None:
        self.ctx.stage(Put(f"mark/{message.order}", b""))
        self.marked.add(message.order)

    @receive(Look)
    def on_look(self, _: Look) -> int:
        return self.bookings


class CarefulClerk(Clerk):
    @override
    def book(self, order: str) -> None:
        self.ctx.stage(Put(f"booking/{self.bookings}", order.encode()), Put(f"mark/{order}", b""))
        self.bookings += 1
        self.marked.add(order)


PATTERNS = [Pattern("office", {"clerk": lambda _: Spec(Clerk), "careful": lambda _: Spec(CarefulClerk)})]


async def books(system: System, kind: str) -> None:
    clerk: Ref[Book | Mark | Look] = system.ref(Address.of(kind, "one"))
    await clerk.ask(Book(order="tea"))
    await system.dispatcher.quiet()
    assert await clerk.ask(Look()) == 1, "one order, booked twice"


async def wrong(system: System) -> None:
    await books(system, "clerk")


async def fixed(system: System) -> None:
    await books(system, "careful")
