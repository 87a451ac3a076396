"""Ask and tell: state of one's own, two messages, and a refusal.

python -m samples.tour.ask_and_tell
"""

import trio

from actors import Actor, Message, Spec, receive
from runtime import System


class NotEnough(Exception):
    """The jar holds fewer."""


class Fill(Message[None]):
    biscuits: int


class Take(Message[int], raises=(NotEnough,)):
    """Take some out; the answer is how many are left."""

    biscuits: int


class Jar(Actor[Fill | Take]):
    biscuits = 0  # nobody else reaches it, so it needs no lock

    @receive(Fill)
    def on_fill(self, message: Fill) -> None:
        self.biscuits += message.biscuits

    @receive(Take)
    def on_take(self, message: Take) -> int:
        if message.biscuits > self.biscuits:
            raise NotEnough(f"only {self.biscuits} left")
        self.biscuits -= message.biscuits
        return self.biscuits


async def main() -> None:
    async with System() as system:
        jar = system.spawn(Spec(Jar))
        await jar.tell(Fill(biscuits=2))  # returns when the mailbox has it
        await jar.tell(Fill(biscuits=3))
        print("left:", await jar.ask(Take(biscuits=4)))  # behind both: what one sends stays in order
        try:
            await jar.ask(Take(biscuits=4))
        except NotEnough as refusal:
            print("refused:", refusal)
        print("left:", await jar.ask(Take(biscuits=1)))  # a refusal is an answer; the jar goes on


if __name__ == "__main__":
    trio.run(main)
