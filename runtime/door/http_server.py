"""All HTTP clients of a node: accept, serve, drain.

server = await nursery.start(serve_http, handler, clock, 4566)
...
await server.drain(grace=5.0)
"""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus

import trio

from runtime.clock import Clock
from runtime.door.deadlines import Sweeper
from runtime.door.http import Handler, Handover, HttpLimits
from runtime.door.http_connection import Connection, Watch
from runtime.door.http_response import DateLine, encode, plain

DEFAULT_LIMITS = HttpLimits()


class HttpServer:
    """Serves streams while `run` runs. In the lab `serve_connection` is given streams of memory, and `run` no listeners."""

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        *,
        limits: HttpLimits = DEFAULT_LIMITS,
        handover: Handover | None = None,
        scheme: str = "http",
    ) -> None:
        self.handler = handler
        self.handover = handover
        self.limits = limits
        self.draining = False
        self.date = DateLine(clock)
        self.listeners: Sequence[trio.abc.Listener[trio.abc.Stream]] = ()
        shortest = min(limits.head_timeout, limits.body_timeout, limits.idle_timeout, limits.send_timeout)
        self.sweeper = Sweeper(clock, shortest)
        self._scheme = scheme
        self._accepting = trio.CancelScope()
        self._connections: dict[Connection, None] = {}
        self._emptied = trio.Event()
        self._nursery: trio.Nursery | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    @property
    def port(self) -> int:
        """The first listener's port."""
        listener = self.listeners[0]
        assert isinstance(listener, trio.SocketListener)
        port: int = listener.socket.getsockname()[1]
        return port

    async def run(
        self,
        listeners: Sequence[trio.abc.Listener[trio.abc.Stream]] = (),
        *,
        task_status: trio.TaskStatus["HttpServer"] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve `listeners` until `drain` has ended, or cancelled; no connection is left behind."""
        self.listeners = listeners
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self.sweeper.run)
                if listeners:
                    await nursery.start(self._accept, nursery)
                task_status.started(self)
        finally:
            self.draining = True
            for connection in self._connections:
                connection.cut()

    async def serve_connection(self, stream: trio.abc.Stream) -> None:
        """Serve one client until it is over; closes `stream`, raises nothing of the client's or the handler's."""
        if self.draining or len(self._connections) >= self.limits.connections_max:
            await self._turn_away(stream)
            return
        connection = Connection(stream, self, self._scheme)
        self._connections[connection] = None
        self.sweeper.add(connection)
        try:
            await connection.run()
        finally:
            self.sweeper.remove(connection)
            del self._connections[connection]
            if self.draining and not self._connections:
                self._emptied.set()

    async def drain(self, grace: float) -> None:
        """Accept nobody any more, let requests under way end (`Connection: close`), cut them after `grace` seconds."""
        self.draining = True
        self._accepting.cancel()
        for connection in self._connections:
            connection.close_when_idle()
        with trio.move_on_after(grace):
            await self._none_left()
        for connection in self._connections:
            connection.cut()
        with trio.move_on_after(self.limits.linger_timeout):
            await self._none_left()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    def start_watching(self, watch: Watch) -> None:
        assert self._nursery is not None, "HttpServer.run has not started"
        self._nursery.start_soon(watch.run)

    async def _accept(self, nursery: trio.Nursery, *, task_status: trio.TaskStatus[object]) -> None:
        with self._accepting:
            await trio.serve_listeners(
                self.serve_connection, list(self.listeners), handler_nursery=nursery, task_status=task_status
            )

    async def _none_left(self) -> None:
        if self._connections:
            await self._emptied.wait()

    async def _turn_away(self, stream: trio.abc.Stream) -> None:
        busy = encode(plain(HTTPStatus.SERVICE_UNAVAILABLE), self.date.line(), None, close=True)
        with trio.move_on_after(self.limits.linger_timeout):
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.send_all(busy)
        await stream.aclose()


async def serve_http(
    handler: Handler,
    clock: Clock,
    port: int,
    *,
    host: str = "127.0.0.1",
    limits: HttpLimits = DEFAULT_LIMITS,
    handover: Handover | None = None,
    task_status: trio.TaskStatus[HttpServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve HTTP on `host`, `port` (0: one that the kernel chooses, see `HttpServer.listeners`) until drained."""
    listeners = await trio.open_tcp_listeners(port, host=host)
    server = HttpServer(handler, clock, limits=limits, handover=handover)
    await server.run(listeners, task_status=task_status)
