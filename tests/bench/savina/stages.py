"""Where the peers' actors stand: for each framework the least that its own documentation starts with.

Imported inside: a process holds the one framework that it measures, and none need be installed.
"""

from collections.abc import Callable
from typing import Any

Act = Callable[..., Any]


def pykka(act: Act, watch: Any, size: tuple[int, ...]) -> Any:
    """A thread for each actor."""
    from pykka import ActorRegistry

    try:
        return act(None, watch, *size)
    finally:
        ActorRegistry.stop_all()


def thespian(act: Act, watch: Any, size: tuple[int, ...]) -> Any:
    """The simple base: one thread, which runs while `ask` waits."""
    from thespian.actors import ActorSystem

    system = ActorSystem("simpleSystemBase")
    try:
        return act(system, watch, *size)
    finally:
        system.shutdown()


def triotp(act: Act, watch: Any, size: tuple[int, ...]) -> Any:
    """A task for each actor, and a channel without a buffer to it: who casts waits until it is received."""
    import trio
    from triotp import mailbox

    async def node() -> Any:
        mailbox._init()  # what `node.run` does before it starts its applications
        async with trio.open_nursery() as nursery:
            result = await act(nursery, watch, *size)
            nursery.cancel_scope.cancel()
        return result

    return trio.run(node)


async def serve(nursery: Any, name: str, server: Any) -> str:
    """Start a gen_server and wait until its name is known; triotp has no call for the second."""
    import trio
    from triotp import gen_server, mailbox

    nursery.start_soon(gen_server.start, server, None, name)
    while mailbox._resolve(name) is None:
        await trio.lowlevel.checkpoint()
    return name


class Server:
    """Callbacks of a gen_server: triotp takes any object that has them, as a rule a module."""

    __name__ = "server"

    async def init(self, _argument: object) -> None:
        return None


def xoscar(act: Act, watch: Any, size: tuple[int, ...]) -> Any:
    """A pool without sub-processes: a message to an actor of the same process crosses no socket."""
    import asyncio

    import xoscar

    async def pool() -> Any:
        running = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
        async with running:
            return await act(running.external_address, watch, *size)

    return asyncio.run(pool())
