"""An actor crashes at every message, is started anew and hears the next: what a restart costs, its log line included."""

from actors import Actor, Backoff, Intensity, Message, Spec, receive
from actors.errors import ActorCrashed
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Fall(Message[int]):
    pass


class Clumsy(Actor[Fall]):
    @receive(Fall)
    def on_fall(self, message: Fall) -> int:
        raise ZeroDivisionError


async def callboard(_system: System, watch: Stopwatch, crashes: int) -> int:
    fell, fall = 0, Fall()
    async with System(intensity=Intensity(restarts=crashes, within=3_600.0)) as system:
        clumsy = system.spawn(Spec(Clumsy, backoff=Backoff(first=0.0, most=0.0)))
        with watch.running():
            for _ in range(crashes):
                try:
                    await clumsy.ask(fall)
                except ActorCrashed:
                    fell += 1
    return fell
