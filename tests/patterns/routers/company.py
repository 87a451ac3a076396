"""Routees that say who they are, and do what a test says."""

from collections.abc import Awaitable, Callable
from typing import Any

from actors.actor import Actor, Spec
from actors.handlers import receive
from actors.message import Message
from actors.ref import Ref
from runtime.system import System


class Who(Message[str]):
    """Who has got it; `key` is for routers that look at it."""

    key: str = ""


class Do(Message[str]):
    """Do `step(name)`; the answer is who has done it."""

    step: Callable[[str], Awaitable[None]]


class Member(Actor[Who | Do]):
    """It writes down what it gets."""

    def __init__(self, name: str, heard: list[str] | None = None) -> None:
        self.name = name
        self.heard = heard if heard is not None else []

    @receive(Who)
    def on_who(self, message: Who) -> str:
        self.heard.append(f"{self.name}{message.key}")
        return self.name

    @receive(Do)
    async def on_do(self, message: Do) -> str:
        await message.step(self.name)
        return self.name


def members(system: System, names: str = "abc", heard: list[str] | None = None) -> list[Ref[Any]]:
    return [system.spawn(Spec(Member, (name, heard), name=name)) for name in names]
