"""The bounded buffer: producers, few places, a slow consumer; and three answers to 'it is full'.

python -m samples.bounded_buffer.buffer
"""

from collections import deque

import trio

from actors import Actor, Deferred, Message, Overflow, Ref, Spec, receive
from actors.errors import MailboxFull
from runtime import System

EATING = 0.01
"""Seconds that the consumer needs for one item."""


# --- a buffer as an actor: wait, or be refused ---------------------------------------------------------


class BufferFull(Exception):
    """Come back later, or go elsewhere: nothing was put."""


class Put(Message[None]):
    """The answer comes when the item has a place: the producer waits, the buffer does not."""

    item: int


class TryPut(Message[None], raises=(BufferFull,)):
    """As Put, but a full buffer refuses. A refusal is an answer, no crash."""

    item: int


class Get(Message[int]):
    """The answer comes when there is an item."""


class Buffer(Actor[Put | TryPut | Get]):
    """At most `places` items. Those who wait are kept by the runtime, oldest first: `ctx.deferred`."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.items: deque[int] = deque()
        self.count = 0

    @receive(Put)
    def on_put(self, message: Put) -> Deferred[None] | None:
        if len(self.items) >= self.places:
            return self.ctx.defer(self.key("put"))
        self.take_in(message.item)
        return None

    @receive(TryPut)
    def on_try_put(self, message: TryPut) -> None:
        if len(self.items) >= self.places:
            raise BufferFull(f"{self.places} items wait")
        self.take_in(message.item)

    @receive(Get)
    def on_get(self, _: Get) -> int | Deferred[int]:
        if not self.items:
            return self.ctx.defer(self.key("get"))
        item = self.items.popleft()
        for key, waiting in self.ctx.deferred.items():  # while items are there, only producers wait
            self.items.append(waiting.item)
            self.ctx.resolve(key, None)
            break
        return item

    def take_in(self, item: int) -> None:
        """Somebody may wait for it already."""
        consumer = next((key for key, one in self.ctx.deferred.items() if isinstance(one, Get)), None)
        if consumer is None:
            self.items.append(item)
        else:
            self.ctx.resolve(consumer, item)

    def key(self, kind: str) -> str:
        self.count += 1
        return f"{kind} {self.count}"


async def hand_over(system: System, *, producers: int, each: int, places: int) -> tuple[list[int], int]:
    """What one slow consumer gets from the producers, and how far they ever were ahead of it."""
    buffer = system.spawn(Spec(Buffer, (places,), name="buffer"))
    got: list[int] = []
    put = ahead = 0

    async def produce(number: int) -> None:
        nonlocal put, ahead
        for place in range(each):
            await buffer.ask(Put(item=number * each + place))
            put += 1
            ahead = max(ahead, put - len(got))

    async with trio.open_nursery() as nursery:
        for number in range(producers):
            nursery.start_soon(produce, number)
        for _ in range(producers * each):
            got.append(await buffer.ask(Get()))
            await trio.sleep(EATING)
    return got, ahead


async def refused(system: System, *, places: int) -> str:
    """What a producer hears that will not wait."""
    buffer = system.spawn(Spec(Buffer, (places,)))
    for item in range(places):
        await buffer.ask(TryPut(item=item))
    try:
        await buffer.ask(TryPut(item=places))
    except BufferFull as full:
        return str(full)
    raise AssertionError("it was not full")


# --- a mailbox is a bounded buffer already -------------------------------------------------------------


class Eat(Message[None]):
    item: int


class Eater(Actor[Eat]):
    """A slow consumer with no buffer of its own: what it has not come to waits in its mailbox."""

    def __init__(self, eaten: list[int]) -> None:
        self.eaten = eaten

    @receive(Eat)
    async def on_eat(self, message: Eat) -> None:
        await trio.sleep(EATING)
        self.eaten.append(message.item)


async def tell_all(eater: Ref[Eat], eaten: list[int], items: int) -> tuple[int, int]:
    """How many were told, and how far the teller ever was ahead: `tell` waits for room, or is refused."""
    told = ahead = 0
    for item in range(items):
        try:
            await eater.tell(Eat(item=item))
        except MailboxFull:
            break
        told += 1
        ahead = max(ahead, told - len(eaten))
    return told, ahead


async def mailboxes(system: System, items: int = 20) -> dict[Overflow, tuple[int, int]]:
    """The same mailbox of three places, by what it does when it is full."""
    found: dict[Overflow, tuple[int, int]] = {}
    for overflow in (Overflow.WAIT, Overflow.REFUSE):
        eaten: list[int] = []
        eater = system.spawn(Spec(Eater, (eaten,), capacity=3, overflow=overflow))
        found[overflow] = await tell_all(eater, eaten, items)
    return found


async def main() -> None:
    async with System() as system:
        got, ahead = await hand_over(system, producers=3, each=10, places=4)
        print(f"{len(got)} items came; the producers were {ahead} ahead at most")
        print("refused:", await refused(system, places=4))
        for overflow, (told, ahead) in (await mailboxes(system)).items():
            print(f"a mailbox that will {overflow.name}: {told} of 20 told, {ahead} ahead at most")


if __name__ == "__main__":
    trio.run(main)
