"""Double timer: a lamp is pressed again while the old "off" is already in its mailbox, and goes dark under its user.

The clock replaces its timer by key, and the runtime drops what was replaced; but a message that was sent on is on its
way. Mended: the message says which press it belongs to.
"""

import trio
from typing_extensions import override

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime import System

LIT = 60.0
"""Seconds that the lamp stays on after it was pressed last."""


class Press(Message[None]):
    pass


class Off(Message[None]):
    press: int


class Arm(Message[None]):
    """Tell the lamp to go off in LIT seconds; what was armed before holds no more."""

    lamp: Address
    press: int


class Due(Message[None]):
    lamp: Address
    press: int


class Timer(Actor[Arm | Due]):
    @receive(Arm)
    def on_arm(self, message: Arm) -> None:
        self.ctx.timer("off", LIT, Due(lamp=message.lamp, press=message.press))

    @receive(Due)
    def on_due(self, message: Due) -> None:
        self.ctx.tell(self.ctx.ref(message.lamp), Off(press=message.press))


class Lamp(Actor[Press | Off]):
    def __init__(self, timer: Ref[Arm | Due], lit: list[float]) -> None:
        self.timer = timer
        self.lit = lit
        """For how long it was lit, each time that it went off."""
        self.press = 0
        self.pressed_at = 0.0

    @receive(Press)
    def on_press(self, _: Press) -> None:
        self.press += 1
        self.pressed_at = self.ctx.now
        self.ctx.tell(self.timer, Arm(lamp=self.ctx.address, press=self.press))

    @receive(Off)
    def on_off(self, message: Off) -> None:
        if self.is_due(message):
            self.lit.append(self.ctx.now - self.pressed_at)

    def is_due(self, off: Off) -> bool:
        return off.press > 0


class CarefulLamp(Lamp):
    @override
    def is_due(self, off: Off) -> bool:
        return off.press == self.press


async def two_presses(system: System, lamp_class: type[Lamp]) -> None:
    lit: list[float] = []
    timer = system.spawn(Spec(Timer, name="timer"))
    lamp = system.spawn(Spec(lamp_class, (timer, lit), name="lamp"))
    await lamp.tell(Press())
    await trio.sleep(LIT)
    await lamp.tell(Press())
    await trio.sleep(2 * LIT)
    assert all(seconds >= LIT for seconds in lit), f"dark after {min(lit)} seconds"


async def wrong(system: System) -> None:
    await two_presses(system, Lamp)


async def fixed(system: System) -> None:
    await two_presses(system, CarefulLamp)
