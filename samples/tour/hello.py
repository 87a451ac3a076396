"""Hello: an actor, a message, a question.

python -m samples.tour.hello
"""

import trio

from actors import Actor, Message, Spec, receive
from runtime import System


class Greet(Message[str]):  # what may be said, and what comes back: text
    name: str


class Greeter(Actor[Greet]):  # it takes Greet and nothing else
    @receive(Greet)
    def on_greet(self, message: Greet) -> str:
        return f"Hello, {message.name}!"


async def main() -> None:
    async with System() as system:
        greeter = system.spawn(Spec(Greeter))  # Ref[Greet]
        print(await greeter.ask(Greet(name="world")))
    # here every actor has ended


if __name__ == "__main__":
    trio.run(main)
