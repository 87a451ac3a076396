"""Responses to bytes."""

from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from runtime.clock import Clock
from runtime.door.http import Request, Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_FIRST_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})


class BadResponse(ValueError):
    """A handler's response that cannot be sent: the message says what is wrong, and repeats no value."""


class DateLine:
    """The Date header, made once a second (RFC 9110, section 6.6.1)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = ""

    def line(self) -> str:
        second = int(self._clock.wall())
        if second != self._second:
            self._second = second
            self._line = f"Date: {format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)}\r\n"
        return self._line


def plain(status: int, text: str = "") -> Response:
    """A response of the server's own, after which the connection is closed. `text`: the status's phrase."""
    body = f"{text or HTTPStatus(status).phrase}\n".encode()
    return Response(status, body, [("Content-Type", "text/plain")], close=True)


def encode(response: Response, date: str, request: Request | None, *, close: bool) -> bytes:
    """The response to `request` (None: to what could not be understood) as it goes out. Raises BadResponse."""
    status, body = response.status, response.body
    first = _FIRST_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    lines = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    count = len(response.headers)
    # A line break inside a value would let whoever chose that value write headers, or a second response.
    if lines.count("\n") != count or lines.count("\r") != count:
        raise BadResponse("a header holds a line break")
    if not 200 <= status <= 999:
        raise BadResponse(f"status {status} is no final one of three digits")
    if status in _WITHOUT_BODY:
        length, body = "", b""
    else:
        length = f"Content-Length: {len(body)}\r\n"
    if request is not None and request.method == "HEAD":
        body = b""
    try:
        return (
            f"{first}{date}{lines}{length}{_persistence(request, close=close)}\r\n".encode("latin-1") + body
        )
    except UnicodeEncodeError:
        raise BadResponse("a header holds a character outside of ISO 8859-1") from None


def _persistence(request: Request | None, *, close: bool) -> str:
    if close:
        return "Connection: close\r\n"
    if request is not None and request.version == "1.0":
        return "Connection: keep-alive\r\n"
    return ""
