"""A recovery that is not recovered: it marks an order as done, then does it; power that fails between them loses it.

No single power cut shows it: one is needed for the recovery, one within it. Mended: one turn writes both.
"""

import trio
from typing_extensions import override

from actors import Address, DurableActor, Message, Put, Ref, Spec, Stored, receive
from runtime import Pattern, System


class Order(Message[None]):
    pass


class Carry(Message[None]):
    pass


class Recover(Message[None]):
    """Take up what was ordered and not done."""


class Finish(Message[None]):
    pass


class Look(Message[set[str]]):
    """Which rows there are."""


PorterMessage = Order | Carry | Recover | Finish | Look


class Porter(DurableActor[PorterMessage]):
    @override
    async def load(self, stored: Stored) -> None:
        self.rows = {key for key, _ in await stored.scan("")}

    @receive(Order)
    def on_order(self, _: Order) -> None:
        if "ordered" not in self.rows:
            self.write("ordered")
            self.ctx.tell(self.ctx.me, Carry())

    @receive(Carry)
    def on_carry(self, _: Carry) -> None:
        self.write("carried", "done")

    @receive(Recover)
    def on_recover(self, _: Recover) -> None:
        if "ordered" in self.rows and "done" not in self.rows:
            self.take_up()

    def take_up(self) -> None:
        self.write("done")
        self.ctx.tell(self.ctx.me, Finish())

    @receive(Finish)
    def on_finish(self, _: Finish) -> None:
        self.write("carried")

    @receive(Look)
    def on_look(self, _: Look) -> set[str]:
        return set(self.rows)

    def write(self, *keys: str) -> None:
        self.ctx.stage(*(Put(key, b"") for key in keys))
        self.rows.update(keys)


class CarefulPorter(Porter):
    @override
    def take_up(self) -> None:
        self.write("carried", "done")


PATTERNS = [Pattern("yard", {"porter": lambda _: Spec(Porter), "careful": lambda _: Spec(CarefulPorter)})]


async def orders(system: System, kind: str) -> None:
    porter: Ref[PorterMessage] = system.ref(Address.of(kind, "one"))
    await porter.ask(Recover())
    await porter.ask(Order())
    await trio.sleep(1)
    assert "carried" in await porter.ask(Look()), "ordered, and nobody has carried it"


async def wrong(system: System) -> None:
    await orders(system, "porter")


async def fixed(system: System) -> None:
    await orders(system, "careful")
