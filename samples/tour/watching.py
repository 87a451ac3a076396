"""Watch and stash: know when somebody has ended, and put aside what cannot be done yet.

python -m samples.tour.watching
"""

import trio

from actors import Actor, Deferred, Message, Ref, Spec, Terminated, receive
from runtime import System


class Print(Message[None]):
    page: int


class Printer(Actor[Print]):
    @receive(Print)
    def on_print(self, message: Print) -> None:
        print(f"page {message.page} by {self.ctx.address}")


class PluggedIn(Message[None]):
    printer: Ref[Print]  # a message may carry a ref


class Spooler(Actor[Print | PluggedIn | Terminated]):
    printer: Ref[Print] | None = None

    @receive(PluggedIn)
    def on_plugged_in(self, message: PluggedIn) -> None:
        self.printer = message.printer
        self.ctx.watch(message.printer)  # a restart is no end: `Terminated` comes once, at the last
        self.ctx.unstash()  # what was put aside comes next, in its order

    @receive(Print)
    def on_print(self, message: Print) -> Deferred[None]:
        if self.printer is None:
            print(f"page {message.page} waits")
            return self.ctx.stash()
        return self.ctx.forward(self.printer)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        print(f"{message.address} is gone: {message.reason.name}")
        self.printer = None


async def main() -> None:
    async with System() as system:
        spooler = system.spawn(Spec(Spooler))
        await spooler.tell(Print(page=1))
        black = system.spawn(Spec(Printer, name="black"))
        await spooler.tell(PluggedIn(printer=black))
        await spooler.ask(Print(page=2))
        await system.stop(black)
        await spooler.tell(Print(page=3))
        await spooler.tell(PluggedIn(printer=system.spawn(Spec(Printer, name="blue"))))
    # an orderly end: what was told has been done


if __name__ == "__main__":
    trio.run(main)
