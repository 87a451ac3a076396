"""N addresses are told one message each, and nobody lives there yet: what it costs to be called into being."""

from typing import Any

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime.pattern import Pattern
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Greet(Message[int]):
    pass


class Sleeper(Actor[Greet]):
    @receive(Greet)
    def on_greet(self, message: Greet) -> int:
        return 1


async def callboard(_system: System, watch: Stopwatch, addresses: int) -> int:
    spec, greet = Spec(Sleeper, idle_after=3_600.0), Greet()

    def factory(_address: Address) -> Spec[Any]:
        return spec

    async with System(patterns=[Pattern("bench", {"sleeper": factory})], active_limit=addresses) as system:
        with watch.running():
            greeted = 0
            for number in range(addresses):
                sleeper: Ref[Greet] = system.ref(Address.of("sleeper", str(number)))
                greeted += await sleeper.ask(greet)
        return greeted
