"""How a harness's actor is found and finds others: keys, groups, events, as values; who holds a key says the test."""

from typing import Any, TypeVar

from actors.event import Event, Key, check_subscription
from actors.message import Message
from actors.ref import Ref
from actors.testing.effects import Deregistered, Joined, Left, Published, Registered, Subscribed
from actors.testing.life import HarnessLife

M = TypeVar("M")


class HarnessReach(HarnessLife):
    """Registry and groups; `find` answers from the harness's `holders`."""

    def register(self, key: Key[Any]) -> None:
        self.output(Registered(key))

    def deregister(self, key: Key[Any]) -> None:
        self.output(Deregistered(key))

    def find(self, key: Key[M]) -> list[Ref[M]]:
        self.check()
        return list(self.world.holders.get(key, ()))

    def subscribe(self, to: type[Event] | Key[Any]) -> None:
        check_subscription(to)
        self.output(Subscribed(to))

    def join(self, group: str) -> None:
        self.output(Joined(group))

    def leave(self, group: str) -> None:
        self.output(Left(group))

    def publish(self, group: str, message: Message[Any]) -> None:
        self.output(Published(group, message))
