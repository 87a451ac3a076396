"""States: what an actor takes depends on the state that it is in.

python -m samples.tour.states
"""

import trio

from actors import Actor, Message, Spec, enter, receive
from runtime import System


class Coin(Message[None]):
    """Put one in."""


class Push(Message[None]):
    who: str


class UntilLocked(Message[None]):
    """Answered when the turnstile is locked."""


class Relock(Message[None]):
    """Nobody has come; the turnstile says it to itself."""


class Turnstile(Actor[Coin | Push | UntilLocked | Relock]):
    initial = "locked"

    @enter("locked")
    def lock(self) -> None:
        print("(locked)")

    @receive(Coin, state="locked")
    def on_coin(self, _: Coin) -> None:
        self.ctx.become("open")
        self.ctx.state_timeout(0.02, Relock())  # seconds; the next `become` cancels it

    @receive(Push, state="open")  # pushed while it is locked, it waits for a coin
    def on_push(self, message: Push) -> None:
        print(message.who, "is through")
        self.ctx.become("locked")

    @receive(Relock, state="open")
    def on_relock(self, _: Relock) -> None:
        print("nobody came")
        self.ctx.become("locked")

    @receive(UntilLocked, state="locked")  # asked while it is open, it waits, too
    def on_until_locked(self, _: UntilLocked) -> None:
        print("locked it is")


async def main() -> None:
    async with System() as system:
        turnstile = system.spawn(Spec(Turnstile))
        await turnstile.tell(Push(who="ann"))
        await turnstile.tell(Coin())
        await turnstile.ask(UntilLocked())
        await turnstile.tell(Coin())
        await turnstile.ask(UntilLocked())


if __name__ == "__main__":
    trio.run(main)
