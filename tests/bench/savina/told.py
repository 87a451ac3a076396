"""One description of a program that only tells, played by each of the peers.

A part is a plain object: `hear` yields whom it tells what, and `("end", answer)` when the program is over. A cast gives
the parts by name, and what is told first.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve

Told = tuple[str, Any]


class Part(Protocol):
    def hear(self, message: Any) -> Iterable[Told]: ...


Cast = Callable[..., tuple[dict[str, Part], list[Told]]]


def pykka(cast: Cast) -> Callable[..., Any]:
    def act(_: Any, watch: Stopwatch, *size: int) -> Any:
        from pykka import ThreadingActor, ThreadingFuture

        class Player(ThreadingActor):
            def __init__(self, part: Part) -> None:
                super().__init__()
                self.part = part

            def on_receive(self, message: Any) -> None:
                for to, said in self.part.hear(message):
                    if to == "end":
                        end.set(said)
                    else:
                        players[to].tell(said)

        parts, first = cast(*size)
        end = ThreadingFuture()
        players = {name: Player.start(part) for name, part in parts.items()}
        with watch.running():
            for to, said in first:
                players[to].tell(said)
            return end.get()

    return act


def thespian(cast: Cast) -> Callable[..., Any]:
    def act(system: Any, watch: Stopwatch, *size: int) -> Any:
        from thespian.actors import Actor

        class Player(Actor):
            part: Any = None

            def receiveMessage(self, message: Any, sender: Any) -> None:
                if isinstance(message, dict):  # it takes no argument when it is made
                    self.part = message["part"]
                elif isinstance(message, tuple):
                    for to, said in self.part.hear(message):
                        self.send(players[to], said)

        class Judge(Actor):
            def receiveMessage(self, message: Any, sender: Any) -> None:
                if message == "start":
                    self.asker = sender
                    for to, said in first:
                        self.send(players[to], said)
                elif isinstance(message, int):
                    self.send(self.asker, message)

        parts, first = cast(*size)
        judge = system.createActor(Judge)
        players = {name: system.createActor(Player) for name in parts}
        for name, part in parts.items():
            system.tell(players[name], {"part": part})
        players["end"] = judge
        with watch.running():
            return system.ask(judge, "start")

    return act


def triotp(cast: Cast) -> Callable[..., Any]:
    async def act(nursery: Any, watch: Stopwatch, *size: int) -> Any:
        import trio
        from triotp import gen_server

        over, end = trio.open_memory_channel[Any](1)

        class Player(Server):
            def __init__(self, part: Part) -> None:
                self.part = part

            async def handle_cast(self, message: Any, state: Any) -> Any:
                for to, said in self.part.hear(message):
                    if to == "end":
                        await over.send(said)
                    else:
                        await gen_server.cast(to, said)
                return gen_server.NoReply(), state

        parts, first = cast(*size)
        for name, part in parts.items():
            await serve(nursery, name, Player(part))
        with watch.running():
            for to, said in first:
                await gen_server.cast(to, said)
            return await end.receive()

    return act


def xoscar(cast: Cast) -> Callable[..., Any]:
    async def act(address: str, watch: Stopwatch, *size: int) -> Any:
        import asyncio

        import xoscar

        class Player(xoscar.Actor):
            def __init__(self, part: Part) -> None:
                self.part = part

            async def hear(self, message: Any) -> None:
                for to, said in self.part.hear(message):
                    if to == "end":
                        end.set_result(said)
                    else:
                        await players[to].hear.tell(said)

        end = asyncio.get_running_loop().create_future()
        parts, first = cast(*size)
        players = {
            name: await xoscar.create_actor(Player, part, address=address, uid=name)
            for name, part in parts.items()
        }
        with watch.running():
            for to, said in first:
                await players[to].hear.tell(said)
            return await end

    return act
