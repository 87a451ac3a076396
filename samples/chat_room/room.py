"""The room: who is there, and what is said. It knows no socket."""

from actors import Actor, Address, Message, receive
from actors.signals import Terminated


class NameInUse(Exception):
    """Somebody of that name is there."""


class Show(Message[None]):
    """Text for one person's screen."""

    text: str


class Join(Message[list[str]], raises=(NameInUse,)):
    """Come in; the answer is who is there. What is said will be told to `session`."""

    name: str
    session: Address


class Say(Message[None]):
    session: Address
    text: str


class Who(Message[list[str]]):
    """Who is there?"""


RoomMessage = Join | Say | Who


class Room(Actor[Join | Say | Who | Terminated]):
    """Presence is a watch: however a session ends, the room hears of it once, behind all that it has said."""

    def __init__(self) -> None:
        self.present: dict[Address, str] = {}

    @receive(Join)
    def on_join(self, message: Join) -> list[str]:
        if message.name in self.present.values():
            raise NameInUse(f"{message.name} is taken")
        self.present[message.session] = message.name
        self.ctx.watch(self.ctx.ref(message.session))
        self.tell_others(message.session, f"* {message.name} is here")
        return sorted(self.present.values())

    @receive(Say)
    def on_say(self, message: Say) -> None:
        if name := self.present.get(message.session):
            self.tell_others(message.session, f"{name}: {message.text}")

    @receive(Who)
    def on_who(self, _: Who) -> list[str]:
        return sorted(self.present.values())

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        if name := self.present.pop(message.address, None):
            self.tell_others(message.address, f"* {name} has left")

    def tell_others(self, session: Address, text: str) -> None:
        for other in self.present:
            if other != session:
                self.ctx.tell(self.ctx.ref(other), Show(text=text))
