"""Two actors as a user would write them: a volatile till, and a durable counter."""

from typing import Any

from typing_extensions import override

from actors import Actor, DurableActor, Message, Put, Ref, Stored, receive


class NoSuchItem(Exception):
    """Refused."""


class Price(Message[int], raises=(NoSuchItem,)):
    item: str


class Bill(Message[None]):
    total: int


class Buy(Message[None]):
    """Ask the price, and send the bill a second later."""

    item: str


class Priced(Message[None]):
    result: Any


class Due(Message[None]):
    total: int


class Till(Actor[Buy | Priced | Due]):
    """Volatile: it asks one actor for the price and sends another the bill."""

    def __init__(self, prices: Ref[Price], customer: Ref[Bill]) -> None:
        self.prices = prices
        self.customer = customer

    @receive(Buy)
    def on_buy(self, message: Buy) -> None:
        async def price() -> int:
            return await self.prices.ask(Price(item=message.item))

        self.ctx.pipe(price, lambda result: Priced(result=result))

    @receive(Priced)
    def on_priced(self, message: Priced) -> None:
        if isinstance(message.result, int):
            self.ctx.timer("due", 1.0, Due(total=message.result))

    @receive(Due)
    def on_due(self, message: Due) -> None:
        self.ctx.tell(self.customer, Bill(total=message.total))


class TooLow(Exception):
    """A counter never falls below 0."""


class Add(Message[int], raises=(TooLow,)):
    amount: int


class Wipe(Message[None]):
    """Back to 0 in `after` seconds."""

    after: float


class WipeNow(Message[None]):
    pass


class Counter(DurableActor[Add | Wipe | WipeNow]):
    """Durable: one row."""

    total = 0

    @override
    async def load(self, stored: Stored) -> None:
        [row] = await stored.get(["total"])
        self.total = int(row or b"0")

    @receive(Add)
    def on_add(self, message: Add) -> int:
        total = self.total + message.amount
        if total < 0:
            raise TooLow(f"{self.total} {message.amount:+} is below 0")
        self.keep(total)
        return total

    @receive(Wipe)
    def on_wipe(self, message: Wipe) -> None:
        self.ctx.timer("wipe", message.after, WipeNow())

    @receive(WipeNow)
    def on_wipe_now(self, message: WipeNow) -> None:
        self.keep(0)

    def keep(self, total: int) -> None:
        self.ctx.stage(Put("total", b"%d" % total))
        self.total = total
