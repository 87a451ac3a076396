"""HTTP/1.1: what a handler sees of it, and the limits of the server.

`http_parser.py` turns bytes into requests, `http_response.py` a response into bytes, `http_connection.py` runs
one client, `http_server.py` all of them. No business and no AWS in any of the five.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import trio


@dataclass(slots=True)
class Request:
    """One whole request. Header names are lower case; of a repeated header the values are joined by a comma."""

    method: str
    target: str
    """As it came: path and query string, not decoded."""
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    hangup: Callable[[], AbstractAsyncContextManager[None]]
    """`async with request.hangup():` cancels the block when the client goes away meanwhile.

    After a block that was cut short, `Hangup` is raised; let it pass, there is nobody to answer. What the client
    sends meanwhile is kept for its next request; one who sends more than `HttpLimits.kept_max` is no longer
    watched. Entering the block sends the replies that earlier pipelined requests have already had.
    """
    scheme: str = "http"
    """Of the connection: `http` or `https`."""
    version: str = "1.1"
    keep_alive: bool = True
    """The client wants to use the connection again."""


@dataclass(slots=True)
class Response:
    """`headers` without Content-Length, Connection and Date, which the connection writes."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    close: bool = False


@dataclass(slots=True)
class Spoiled(Response):
    """A response that does not arrive as it should: what a fault makes of one. The connection ends with it."""

    reset: bool = False
    """Nothing of it is sent, the connection is reset."""
    truncate: int | None = None
    """It ends after so many bytes of its body."""
    slow: float = 0.0
    """Seconds that its body takes to go out."""


Handler = Callable[[Request], Awaitable[Response]]

Handover = Callable[[trio.abc.Stream, bytes], Awaitable[None]]
"""Takes over a connection that asks for HTTP/2 or an upgrade, with all bytes read so far; the stream is closed when it returns."""


class Hangup(Exception):
    """The client went away while a handler waited inside `request.hangup()`."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may send and how long it may take: sizes in bytes, times in seconds."""

    head_max: int = 65_536
    """Request line and headers; above it, 431."""
    headers_max: int = 100
    """Header lines; above it, 431."""
    body_max: int = 8 * 1_048_576
    """Above it, 413: before it is read if Content-Length says so."""
    kept_max: int = 65_536
    """What a client may send ahead while a handler waits inside `hangup()`."""
    connections_max: int = 10_000
    """One more is answered 503 and closed."""
    head_timeout: float = 30.0
    """From the first byte of a request to the end of its head; then 408."""
    body_timeout: float = 30.0
    """Between two pieces of a body; then 408."""
    idle_timeout: float = 75.0
    """Between two requests; then the connection is closed without a word."""
    send_timeout: float = 60.0
    """For a client to take a reply; then the connection is cut."""
    linger_timeout: float = 2.0
    """How long a client that is refused may go on sending, so that a reset does not overtake the answer."""
