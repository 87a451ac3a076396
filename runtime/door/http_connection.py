"""One HTTP client: read, parse, answer in order, until either side has had enough.

The way of a request is kept bare, since everything on it is paid tens of thousands of times a second: no nursery, no
cancel scope and no clock reading of its own but the ones the sweeper needs; one send for all replies that one
read brought. Whoever waits inside `hangup()` pays for the task that watches the stream, nobody else does.
"""

import math
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Protocol

import structlog
import trio

from runtime.door.deadlines import Sweeper
from runtime.door.http import Handler, Handover, Hangup, HttpLimits, Request, Response, Spoiled
from runtime.door.http_parser import RequestParser, Stage
from runtime.door.http_response import CONTINUE, DateLine, encode, plain
from runtime.door.spoiling import reset, send_spoiled

READ_MAX = 65_536
"""Bytes asked of the stream at once; so it also bounds the requests that are parsed ahead."""
HELD_MAX = 262_144
"""Bytes of replies held back for one send."""

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Owner(Protocol):
    """What a connection needs of its server."""

    handler: Handler
    handover: Handover | None
    limits: HttpLimits
    sweeper: Sweeper
    date: DateLine
    draining: bool

    def start_watching(self, watch: "Watch") -> None:
        """Run `watch.run` in a task that outlives the caller's scopes."""
        ...


class Watch:
    """Reads a stream on behalf of a handler that waits, to learn at once that the client has gone."""

    def __init__(
        self, stream: trio.abc.Stream, block: trio.CancelScope, kept: bytearray, kept_max: int
    ) -> None:
        self._stream = stream
        self._block = block
        self._kept = kept
        self._kept_max = kept_max
        self.scope = trio.CancelScope()
        self.ended = trio.Event()

    async def run(self) -> None:
        try:
            with self.scope:
                while len(self._kept) < self._kept_max:
                    data = await self._stream.receive_some(READ_MAX)
                    if not data:
                        self._block.cancel()
                        return
                    self._kept += data
        except _GONE:
            self._block.cancel()
        finally:
            self.ended.set()


class Connection:
    """Serves one stream. `due`, `expire` are the sweeper's; `close_when_idle` and `cut` the server's, when it drains."""

    def __init__(self, stream: trio.abc.Stream, owner: Owner, scheme: str) -> None:
        self.due = math.inf
        self._stream = stream
        self._owner = owner
        self._scope = trio.CancelScope()
        self._parser = RequestParser(owner.limits, self._watched, scheme, upgrades=owner.handover is not None)
        self._held: list[bytes] = []
        self._held_size = 0
        self._kept = bytearray()
        self._watch: Watch | None = None
        self._reading = False
        self._ending = False
        self._too_slow = False
        self._hung_up = False
        self._head_due = math.inf

    async def run(self) -> None:
        """Returns when the connection is over, the stream closed; raises nothing of the client's or the handler's."""
        try:
            with self._scope:
                await self._converse()
            if self._too_slow:
                with trio.move_on_after(self._owner.limits.linger_timeout):
                    await self._dismiss(plain(HTTPStatus.REQUEST_TIMEOUT))
        except _GONE:
            pass
        finally:
            self.due = math.inf
            with trio.move_on_after(self._owner.limits.linger_timeout):
                await self._stream.aclose()

    def expire(self) -> None:
        """The client took too long: 408 in the middle of a request, silence between two, a cut if it does not read."""
        self._too_slow = self._reading and self._parser.stage is not Stage.BETWEEN
        self.cut()

    def close_when_idle(self) -> None:
        """Close now if no request is under way; else `Owner.draining` makes the next reply the last."""
        if self._reading and self._parser.stage is Stage.BETWEEN:
            self.cut()

    def cut(self) -> None:
        """End it now, whatever it does."""
        self._ending = True
        self._scope.cancel()

    async def _converse(self) -> None:
        parser = self._parser
        while data := await self._receive():
            parser.feed(data)
            if not await self._answer():
                return
            if parser.refused:
                with trio.move_on_after(self._owner.limits.linger_timeout):
                    await self._dismiss(plain(parser.refused))
                return
            if parser.other_protocol is not None:
                await self._hand_over(parser.other_protocol)
                return
            if parser.stage is Stage.BODY and parser.take_continue():
                await self._send(CONTINUE)

    async def _receive(self) -> bytes:
        if self._watch is not None:
            await self._watch.ended.wait()
            self._watch = None
        if self._kept:
            data = bytes(self._kept)
            self._kept.clear()
            return data
        limits, stage = self._owner.limits, self._parser.stage
        if stage is Stage.BETWEEN:
            if self._owner.draining:
                return b""
            self._owner.sweeper.begin(self, limits.idle_timeout)
        elif stage is Stage.BODY:
            self._owner.sweeper.begin(self, limits.body_timeout)
        else:  # the whole head has one deadline: else a byte now and then would hold a connection for ever
            self._owner.sweeper.begin(self, limits.head_timeout)
            self._head_due = self.due = min(self.due, self._head_due)
        self._reading = True
        try:
            data = bytes(await self._stream.receive_some(READ_MAX))  # no copy, unless it is a bytearray
        finally:
            self._reading = False
            self.due = math.inf
        if self._ending:  # in the tick in which the bytes came: the cancellation must not hit a handler
            await trio.lowlevel.checkpoint()
        return data

    async def _answer(self) -> bool:  # noqa: C901 -- the hot way: one more call for each request costs more than the tests
        """Answer what is complete; False if the connection is to be closed behind it."""
        requests = self._parser.complete
        if requests:
            self._head_due = math.inf
        while requests:
            request = requests.popleft()
            try:
                response = await self._owner.handler(request)
                if response.close and isinstance(response, Spoiled):
                    await self._spoil(response, request)
                    return False
                close = response.close or not request.keep_alive or (self._owner.draining and not requests)
                reply = encode(response, self._owner.date.line(), request, close=close)
            except Exception as error:  # noqa: BLE001 - the boundary: a crash of the handler ends this connection alone
                if self._hung_up:
                    return False
                close = True
                reply = self._crashed(request, error)
            self._held.append(reply)
            self._held_size += len(reply)
            if close:
                await self._flush()
                return False
            if self._held_size > HELD_MAX:
                await self._flush()
        if self._held:
            await self._flush()
        return True

    async def _spoil(self, response: Spoiled, request: Request) -> None:
        """The replies before it arrive whole."""
        if self._held:
            await self._flush()
        if response.reset:
            await reset(self._stream)
        else:
            reply = encode(response, self._owner.date.line(), request, close=True)
            await send_spoiled(self._stream, response, reply)

    def _crashed(self, request: Request, error: Exception) -> bytes:
        # not the error's text: it may quote the body
        stack = "".join(traceback.format_tb(error.__traceback__))
        _log.error(
            "http_handler_failed",
            method=request.method,
            path=request.path,
            error=type(error).__qualname__,
            stack=stack,
        )
        return encode(plain(HTTPStatus.INTERNAL_SERVER_ERROR), self._owner.date.line(), request, close=True)

    async def _flush(self) -> None:
        replies = b"".join(self._held)
        self._held.clear()
        self._held_size = 0
        await self._send(replies)

    async def _send(self, data: bytes) -> None:
        self._owner.sweeper.begin(self, self._owner.limits.send_timeout)
        try:
            await self._stream.send_all(data)
        finally:
            self.due = math.inf

    async def _dismiss(self, response: Response) -> None:
        """Send a last answer, then read away what the client still sends: closing over it would reset the connection."""
        await self._stream.send_all(encode(response, self._owner.date.line(), None, close=True))
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()
            while await self._stream.receive_some(READ_MAX):
                pass

    async def _hand_over(self, read: bytes) -> None:
        if self._owner.handover is not None and read:
            await self._owner.handover(self._stream, read)
            return
        http2 = read.startswith(b"PRI ")
        status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED if http2 else HTTPStatus.NOT_IMPLEMENTED
        with trio.move_on_after(self._owner.limits.linger_timeout):
            await self._dismiss(plain(status))

    @asynccontextmanager
    async def _watched(self) -> AsyncGenerator[None]:
        """`Request.hangup`. The watching task is the server's, so that errors leave the block as they are, in no group."""
        if self._watch is not None:
            await self._watch.ended.wait()
        try:
            if self._held:
                await self._flush()
        except _GONE:
            self._hung_up = True
            raise Hangup from None
        with trio.CancelScope() as block:
            self._watch = Watch(self._stream, block, self._kept, self._owner.limits.kept_max)
            self._owner.start_watching(self._watch)
            try:
                yield
            finally:
                self._watch.scope.cancel()
        if block.cancelled_caught:
            self._hung_up = True
            raise Hangup
