"""Five hits that alternate: each step is legal, and five of them in one order, out of ten, open the lock to strangers.

Mended: a hit counts only if the one before it came from the same hand.
"""

from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System

KEYS = {"ann": (0, 2, 4), "bob": (1, 3)}


class Hit(Message[None]):
    hand: str
    notch: int


class Look(Message[int]):
    """How many notches are open."""


class Lock(Actor[Hit | Look]):
    notches = 0

    @receive(Hit)
    def on_hit(self, message: Hit) -> None:
        self.hit(message)

    def hit(self, message: Hit) -> None:
        if message.notch == self.notches:
            self.notches += 1

    @receive(Look)
    def on_look(self, _: Look) -> int:
        return self.notches


class CarefulLock(Lock):
    last = ""

    @override
    def hit(self, message: Hit) -> None:
        if message.hand != self.last:
            self.notches = 0
        self.last = message.hand
        super().hit(message)


class Try(Message[None]):
    notch: int


class Hand(Actor[Try]):
    def __init__(self, name: str, lock: Ref[Hit | Look]) -> None:
        self.name = name
        self.lock = lock

    @receive(Try)
    def on_try(self, message: Try) -> None:
        self.ctx.tell(self.lock, Hit(hand=self.name, notch=message.notch))


async def hits(system: System, lock_class: type[Lock]) -> None:
    lock = system.spawn(Spec(lock_class, name="lock"))
    for name, notches in KEYS.items():
        hand = system.spawn(Spec(Hand, (name, lock), name=name))
        for notch in notches:
            await hand.tell(Try(notch=notch))
    await system.dispatcher.quiet()
    assert await lock.ask(Look()) < 5, "the lock is open, and nobody has the key"


async def wrong(system: System) -> None:
    await hits(system, Lock)


async def fixed(system: System) -> None:
    await hits(system, CarefulLock)
