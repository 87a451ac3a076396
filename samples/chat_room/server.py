"""The chat over TCP: a session actor for each connection.

python -m samples.chat_room.server --port 7777      and then, twice:    nc 127.0.0.1 7777
"""

import argparse
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

import trio

from actors import Actor, Overflow, Ref, Restart, Spec, receive
from runtime import System
from samples.chat_room.room import Join, NameInUse, Room, RoomMessage, Say, Show, Who

LINE_MAX = 1_000
"""Bytes; a client that sends more without a line's end is cut off."""
BEHIND_MAX = 100
"""Lines that may wait for a slow client: then it misses the oldest, and nobody waits for it."""


class Session(Actor[Show]):
    """One client's screen. When its connection breaks it crashes, and is not restarted: the room hears of it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream

    @receive(Show)
    async def on_show(self, message: Show) -> None:
        await self.stream.send_all(message.text.encode() + b"\n")


async def lines(stream: trio.SocketStream) -> AsyncGenerator[str]:
    """What the client sends, line by line, until it hangs up."""
    heard = b""
    while len(heard) <= LINE_MAX:
        line, end, rest = heard.partition(b"\n")
        if end:
            heard = rest
            if text := line.decode("utf-8", "replace").strip():
                yield text
            continue
        more = await stream.receive_some()
        if not more:
            return
        heard += more


async def attend(system: System, room: Ref[RoomMessage], stream: trio.SocketStream) -> None:
    """One connection, from its first byte to its last: the session lives as long as this scope."""
    spec = Spec(
        Session,
        (stream,),
        restart=Restart.TEMPORARY,
        capacity=BEHIND_MAX,
        overflow=Overflow.DROP_OLDEST,
        stop_grace=0.1,
    )
    session = system.spawn(spec)
    try:
        await session.tell(Show(text="* your name?"))
        async with aclosing(lines(stream)) as heard:
            await talk(session, room, heard)
    except trio.BrokenResourceError:
        pass  # hung up in the middle
    finally:
        with trio.move_on_after(1, shield=True):
            await system.stop(session)


async def talk(session: Ref[Show], room: Ref[RoomMessage], heard: AsyncGenerator[str]) -> None:
    """The first line is the name. Each line is asked, not told: the next one is read when the room has it."""
    joined = False
    async for line in heard:
        if not joined:
            try:
                present = await room.ask(Join(name=line, session=session.address))
            except NameInUse as taken:
                await session.tell(Show(text=f"* {taken}. Your name?"))
                continue
            joined = True
            await session.tell(Show(text=f"* welcome; here are: {', '.join(present)}"))
        elif line == "/who":
            await session.tell(Show(text="* " + ", ".join(await room.ask(Who()))))
        else:
            await room.ask(Say(session=session.address, text=line))


async def serve(port: int, *, started: Callable[[int], None] = lambda _: None) -> None:
    """Until cancelled. `started` is told the port; 0 lets the kernel choose one."""
    async with System() as system:
        room = system.spawn(Spec(Room, name="room"))
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        started(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(partial(attend, system, room), listeners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=7777)
    given = parser.parse_args()
    trio.run(partial(serve, given.port, started=lambda port: print(f"nc 127.0.0.1 {port}")))


if __name__ == "__main__":
    main()
