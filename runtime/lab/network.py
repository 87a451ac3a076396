"""In-memory byte streams between clients and doors: delayed, in any chunking, reset, half-open.

As TCP does, a connection loses nothing and reorders nothing; it ends as a whole. Delays are log-normal with a heavy tail, one
in a hundred ten times as long: uniform ones never overtake each other as real ones do. They and the chunks are
drawn from the run's entropy; everything else is a plain setting of `NetworkFaults`, which is the test's.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import trio
from typing_extensions import override

from runtime.clock import loop_time
from runtime.entropy import Entropy

WINDOW = 262_144
"""Bytes under way in one direction: a sender waits while there are more."""


@dataclass(slots=True)
class NetworkFaults:
    """How the network is, while it is set."""

    delay: float = 0.000_5
    """Seconds from one end to the other, at the median."""
    split: float = 0.1
    """The share of sends that arrive in two pieces."""
    refuse: bool = False
    """Nobody listens: connections are refused."""
    half_open: bool = False
    """Bytes go nowhere and nobody says so; a connection that has lost some stays so to its end."""


class Way:
    """One direction of a connection: what was sent, and when each piece of it arrives. An empty piece is the end."""

    __slots__ = ("_network", "_pieces", "_room", "_size", "_waiting", "broken", "lost")

    def __init__(self, network: "Network") -> None:
        self.broken = False
        """Reset, or closed by its reader."""
        self.lost = False
        self._network = network
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._waiting: trio.CancelScope | None = None
        """Of the one who receives: its deadline is when the next piece arrives."""
        self._room: trio.Event | None = None

    async def send(self, data: bytes) -> None:
        while self.full:
            self._room = self._room or trio.Event()
            await self._room.wait()
        self.send_now(data)

    @property
    def full(self) -> bool:
        return self._size > WINDOW and not self.broken and not self.lost

    def send_now(self, data: bytes) -> None:
        if self.broken:
            raise trio.BrokenResourceError
        for piece in self._network.pieces_of(data):
            self.put(piece)

    def put(self, piece: bytes) -> None:
        self.lost = self.lost or self._network.faults.half_open
        if self.lost or self.broken:
            return
        due = loop_time() + self._network.delay()
        self._pieces.append((due, piece))  # one that is faster waits behind those before it
        self._size += len(piece)
        if self._waiting is not None:
            self._waiting.deadline = min(self._waiting.deadline, due)

    async def receive(self, most: int, deadline: float) -> bytes:
        """Raises TimeoutError when nothing has arrived by then."""
        while not self.readable():
            if loop_time() >= deadline:
                raise TimeoutError("timed out")
            # one wait for what is under way, for what is still to be sent and for the deadline: this is the lab's hot path
            due = self._pieces[0][0] if self._pieces else math.inf
            with trio.CancelScope(deadline=min(due, deadline)) as self._waiting:
                await trio.sleep_forever()
            self._waiting = None
        if self.broken:
            raise trio.BrokenResourceError
        due, piece = self._pieces[0]
        if not piece:
            return b""
        if len(piece) > most:
            self._pieces[0] = (due, piece[most:])
        else:
            self._pieces.popleft()
        self._size -= min(len(piece), most)
        if self._room is not None:
            self._room.set()
            self._room = None
        return piece[:most]

    def readable(self) -> bool:
        """A receive would not wait."""
        return self.broken or (bool(self._pieces) and self._pieces[0][0] <= loop_time())

    def breaks(self) -> None:
        self.broken = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._room is not None:
            self._room.set()


class End(trio.abc.HalfCloseableStream):
    """One end of a connection: a Trio stream, which the door is served with and the client's socket is made of."""

    def __init__(self, network: "Network", incoming: Way, outgoing: Way) -> None:
        self._network = network
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._checkpoint()
        await self._outgoing.send(bytes(data))

    def send_now(self, data: bytes) -> bool:
        """Send without waiting; False: too much is under way, and nothing was sent."""
        if self._closed:
            raise trio.ClosedResourceError
        if self._outgoing.full:
            return False
        self._outgoing.send_now(bytes(data))
        return True

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._checkpoint()

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self.receive_by(math.inf, max_bytes or WINDOW)

    async def receive_by(self, deadline: float, most: int) -> bytes:
        """As `receive_some`. Raises TimeoutError when nothing has arrived by `deadline`, in the loop's time."""
        if self._closed or self._incoming.readable():
            await self._checkpoint()
        return await self._incoming.receive(most, deadline)

    @override
    async def send_eof(self) -> None:
        await self._checkpoint()
        self._outgoing.put(b"")

    @override
    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """The other end reads to the end of what was sent; what it still sends breaks."""
        if not self._closed:
            self._closed = True
            self._outgoing.put(b"")
            if not self._incoming.lost:
                self._incoming.breaks()
            self._network.forget(self)

    def reset(self) -> None:
        """Both ends are told at once that the connection is no more; what was under way is gone."""
        self._incoming.breaks()
        self._outgoing.breaks()

    def lose(self) -> None:
        """From now on this connection is half-open: nothing arrives any more, and nobody is told."""
        self._incoming.lost = self._outgoing.lost = True

    def readable(self) -> bool:
        """A receive would not wait."""
        return self._incoming.readable()

    async def _checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError


class Network:
    """Who listens where, and every connection."""

    def __init__(self, entropy: Entropy) -> None:
        self.faults = NetworkFaults()
        self._entropy = entropy
        self._listeners: dict[tuple[str, int], Callable[[End], object]] = {}
        self._ends: dict[End, None] = {}

    def listen(self, host: str, port: int, serve: Callable[[End], object]) -> None:
        """`serve` is called with the other end of each connection to `host` and `port`."""
        self._listeners[host, port] = serve

    def knows(self, host: str, port: int) -> bool:
        """Whether that name is one of the simulation's."""
        return (host, port) in self._listeners

    async def connect(self, host: str, port: int) -> End:
        """A new connection. Raises ConnectionRefusedError."""
        if self.faults.half_open:
            await trio.sleep_forever()
        await trio.sleep(self.delay())
        if self.faults.refuse:
            raise ConnectionRefusedError(f"{host}:{port}: nobody listens there")
        there, back = Way(self), Way(self)
        near, far = End(self, back, there), End(self, there, back)
        self._ends[near] = self._ends[far] = None
        self._listeners[host, port](far)
        return near

    def reset_all(self) -> None:
        """Every connection is reset now."""
        for end in list(self._ends):
            end.reset()

    def forget(self, end: End) -> None:
        self._ends.pop(end, None)

    def delay(self) -> float:
        """Seconds that a piece is under way: log-normal, with a tail."""
        draw = self._entropy.fraction
        normal = math.sqrt(-2 * math.log(1 - draw())) * math.cos(math.tau * draw())
        return self.faults.delay * math.exp(0.4 * normal) * (10 if self._entropy.below(100) == 0 else 1)

    def pieces_of(self, data: bytes) -> list[bytes]:
        """What one send arrives as."""
        if len(data) < 2 or self._entropy.fraction() >= self.faults.split:
            return [data] if data else []
        at = 1 + self._entropy.below(len(data) - 1)
        return [data[:at], data[at:]]
