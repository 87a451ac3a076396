"""How a response goes wrong on its way out, as a fault wants it: reset, cut short, or a body that trickles."""

import struct

import trio

from runtime.door.http import Spoiled

PIECES = 10
_AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset in the place of what is left."""


async def reset(stream: trio.abc.Stream) -> None:
    """End the connection as a crashed peer does. Where there is no socket, as in a simulation, it just ends."""
    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _AT_ONCE)
    await trio.aclose_forcefully(stream)


async def send_spoiled(stream: trio.abc.Stream, response: Spoiled, reply: bytes) -> None:
    """`reply` is the whole response as bytes."""
    head = len(reply) - len(response.body)
    if response.truncate is not None:
        await stream.send_all(reply[: head + min(response.truncate, max(0, len(response.body) - 1))])
        return
    await stream.send_all(reply[:head])
    step = max(1, -(-len(response.body) // PIECES))
    for start in range(head, len(reply), step):
        await trio.sleep(response.slow / PIECES)
        await stream.send_all(reply[start : start + step])
