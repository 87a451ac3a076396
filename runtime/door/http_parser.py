"""Bytes to requests, with no I/O: llhttp's strict grammar, and the limits and refusals that it leaves to us.

httptools cannot be paused, so all requests that stand in one piece of input are parsed at once; the piece bounds
them. What is wrong with a later one is told by `refused`, after those that came before it.
llhttp refuses by itself: folded headers, space before the colon, bare line feeds, control characters, repeated or
malformed Content-Length, and Content-Length beside Transfer-Encoding (RFC 9112, sections 5 to 7).
"""

import re
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from http import HTTPStatus

import httptools

from runtime.door.http import HttpLimits, Request

_USUAL = """
    Accept Accept-Encoding amz-sdk-invocation-id amz-sdk-request Authorization Cache-Control Connection
    Content-Encoding Content-Length Content-MD5 Content-Type Cookie Date Expect Host Origin Referer
    Transfer-Encoding User-Agent X-Amz-Content-SHA256 X-Amz-Date X-Amz-Security-Token X-Amz-Target
    X-Amz-User-Agent x-amzn-query-mode X-Amzn-Trace-Id X-Forwarded-For
"""
_NAMES = {spelt.encode(): name.lower() for name in _USUAL.split() for spelt in (name, name.lower())}
"""Names that clients of AWS send with each request: to look one up costs a third of decoding it."""
_UNUSUAL = frozenset({"expect", "transfer-encoding", "upgrade"})
_HOST = re.compile(r"(?:\[[0-9A-Za-z:.%_~-]+\]|[0-9A-Za-z._~!$&'()*+;=%-]*)(?::[0-9]*)?")
"""RFC 9110, section 7.2: a name or an address, and a port; both may be empty."""
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:;[^\n]*)?\r\n")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\n"
"""How HTTP/2 with prior knowledge begins (RFC 9113, section 3.4)."""


class Stage(Enum):
    """Where in a request the input ended."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


class _Stop(Exception):
    """Ends the parsing from inside a callback; the reason stands in the parser's `refused`, or `other_protocol`."""


class RequestParser:
    """Feed it what was read; take requests from `complete`, in order, then look at `refused` and `other_protocol`.

    `upgrades`: whether somebody takes over a connection that offers an upgrade; else the offer is ignored.
    """

    def __init__(
        self,
        limits: HttpLimits,
        hangup: Callable[[], AbstractAsyncContextManager[None]],
        scheme: str = "http",
        *,
        upgrades: bool = False,
    ) -> None:
        self.complete: deque[Request] = deque()
        self.stage = Stage.BETWEEN
        self.refused = 0
        """A status: nothing after it can be understood. 0: none."""
        self.other_protocol: bytes | None = None
        """All that was read of a connection that asks for HTTP/2, a tunnel or an upgrade; empty when requests came before it."""
        self._expects_continue = False
        self._limits = limits
        self._hangup = hangup
        self._scheme = scheme
        self._upgrades = upgrades
        self._ignores = False
        """The head of this request offers an upgrade that nobody takes: it is parsed once more, without it."""
        self._parser = httptools.HttpRequestParser(self)
        self._fed: list[bytes] = []
        self._fed_whole = True
        self._piece = self._barren = 0
        self._target = b""
        self._version = ""
        self._host = ""
        """The last one that was found well-formed: a client hardly ever changes it."""
        self._lines: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._chunked = False
        self._chunk_open = False
        self._chunk_judged = True
        self._chunk_got = 0
        self._chunk_line = b""
        """What has come of the line that says a chunk's size."""

    def feed(self, data: bytes) -> None:
        """Parse `data`. Not to be called again once `refused` or `other_protocol` is set."""
        if self.stage is Stage.BETWEEN:
            self._fed_whole = True
        if self.stage is not Stage.BODY:
            self._fed.append(data)
        self._piece = len(data)
        self._barren += self._piece
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self._failed(error)
            return
        if self._chunked:
            self._judge_chunk(data)
        # No callback comes of a header value, a trailer or a chunk extension that never ends: it is bounded here.
        if self._barren > self._limits.head_max and not self.refused:
            self.refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def take_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends a body; says so once."""
        waits = self._expects_continue and self.stage is Stage.BODY and not self._body
        self._expects_continue = False
        return waits

    def _parse(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as pause:
                rest = memoryview(rest)[pause.args[0] :]
                self._begin_without_upgrade()
            else:
                return

    def _begin_without_upgrade(self) -> None:
        """RFC 9110, section 7.8: an upgrade may be ignored. llhttp takes what follows one for another protocol, a body too.

        So another parser is told the same head without the offer, and goes on with the body.
        """
        lines = [b"%b: %b\r\n" % line for line in self._lines if line[0].lower() != b"upgrade"]
        first = b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._target, self._version.encode())
        self._ignores = False
        self._target = b""
        self._lines.clear()
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"".join((first, *lines, b"\r\n")))

    def on_message_begin(self) -> None:
        self.stage = Stage.HEAD

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self._lines) > self._limits.headers_max or self._is_long():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        self._barren = 0
        self.stage = Stage.BODY
        try:
            headers = {_NAMES[name]: value.decode("latin-1").rstrip(" \t") for name, value in self._lines}
        except KeyError:
            headers = {}
        if len(headers) != len(self._lines):
            headers = self._decode()
        self._headers = headers
        self._version = self._parser.get_http_version()
        if self._version != "1.1" or "host" not in headers:
            self._check_version()
        if headers.get("host", self._host) != self._host:
            self._check_host(headers["host"])
        if not _UNUSUAL.isdisjoint(headers) or self._parser.should_upgrade():
            self._unusual()
        if int(headers.get("content-length", 0)) > self._limits.body_max:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def on_chunk_header(self) -> None:
        self._chunk_open = True
        self._chunk_judged = False
        self._chunk_got = 0

    def on_chunk_complete(self) -> None:
        self._chunk_open = False
        # Behind the last chunk these are trailers: weighed and dropped, as RFC 9110, section 6.5.1, wants.
        if self._lines and (
            len(self._lines) > self._limits.headers_max or self._size() > self._limits.head_max
        ):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_body(self, part: bytes) -> None:
        self._barren = 0
        self._chunk_got += len(part)
        if len(self._body) + len(part) > self._limits.body_max:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not self._body:
            self._body = part
            return
        if isinstance(self._body, bytes):  # a body in many small chunks must not become as many objects
            self._body = bytearray(self._body)
        self._body += part

    def on_message_complete(self) -> None:
        if self._ignores:
            return
        target = self._target.decode("latin-1")
        path, _, query = target.partition("?")
        if not path.startswith("/") and path != "*":
            path = _path_of(path)
        request = Request(
            self._parser.get_method().decode(),
            target,
            path,
            query,
            self._headers,
            bytes(self._body),
            self._hangup,
            self._scheme,
            self._version,
            self._parser.should_keep_alive(),
        )
        self.complete.append(request)
        self._clear()

    def _clear(self) -> None:
        self.stage = Stage.BETWEEN
        self._fed.clear()
        self._fed_whole = False
        self._barren = 0
        self._target = b""
        self._lines.clear()
        self._headers = {}
        self._body = b""
        self._expects_continue = False
        self._chunked = False
        self._chunk_line = b""

    def _is_long(self) -> bool:
        if self._barren + self._piece <= self._limits.head_max:
            return False  # no more was fed at all: nothing to add up
        return len(self._target) + self._size() > self._limits.head_max

    def _size(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self._lines)

    def _decode(self) -> dict[str, str]:
        """The headers when some are repeated, or not among the usual ones."""
        headers: dict[str, str] = {}
        for name, value in self._lines:
            key = _NAMES.get(name) or name.decode("latin-1").lower()
            text = value.decode("latin-1").rstrip(" \t")
            if key not in headers:
                headers[key] = text
            elif key == "host":
                self._refuse(HTTPStatus.BAD_REQUEST)  # RFC 9112, section 3.2
            else:
                headers[key] += "," + text
        return headers

    def _check_version(self) -> None:
        if self._version not in {"1.0", "1.1"}:
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        if self._version == "1.1":
            self._refuse(HTTPStatus.BAD_REQUEST)  # no Host: RFC 9112, section 3.2

    def _check_host(self, host: str) -> None:
        if not _HOST.fullmatch(host):
            self._refuse(HTTPStatus.BAD_REQUEST)  # RFC 9112, section 3.2
        self._host = host

    def _judge_chunk(self, data: bytes) -> None:
        """Refuse a chunk that `data` leaves open for the size that it announces, not for what comes of it.

        llhttp tells neither sizes nor places. But of an open chunk all that followed its line is known, so the line
        is found from the end.
        """
        fed = self._chunk_line + data
        self._chunk_line = b""
        if not self._chunk_open:
            self._chunk_line = fed[fed.rfind(b"\n") + 1 :]
        elif not self._chunk_judged:
            self._chunk_judged = True
            end = len(fed) - self._chunk_got
            line = _CHUNK_LINE.fullmatch(fed, fed.rfind(b"\n", 0, max(0, end - 1)) + 1, end)
            # no line: a chunk that is whole but for its end, or the last one with trailers behind it
            size = int(line[1], 16) if line else 0
            if len(self._body) - self._chunk_got + size > self._limits.body_max:
                self.refused = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def _unusual(self) -> None:
        if self._parser.should_upgrade():
            if not self._upgrades and self._parser.get_method() != b"CONNECT":
                self._ignores = True
                return
            self.other_protocol = b"".join(self._fed) if self._fed_whole else b""
            raise _Stop
        coding = self._headers.get("transfer-encoding")
        if coding is not None:
            self._chunked = True
            self._lines.clear()
            if self._version == "1.0":
                self._refuse(HTTPStatus.BAD_REQUEST)  # RFC 9112, section 6.1: its framing is faulty
            if coding.lower() != "chunked":
                self._refuse(HTTPStatus.NOT_IMPLEMENTED)
        if "expect" in self._headers and self._version == "1.1":
            if self._headers["expect"].lower() != "100-continue":
                self._refuse(HTTPStatus.EXPECTATION_FAILED)
            self._expects_continue = True

    def _refuse(self, status: HTTPStatus) -> None:
        self.refused = status
        raise _Stop

    def _failed(self, error: httptools.HttpParserError) -> None:
        if self.refused or self.other_protocol is not None:
            return
        fed = b"".join(self._fed)
        if self._fed_whole and fed.startswith(_PREFACE):
            self.other_protocol = fed
        elif str(error) == "Invalid HTTP version":
            self.refused = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        else:
            self.refused = HTTPStatus.BAD_REQUEST


def _path_of(url: str) -> str:
    """The path of an absolute URL as proxies send it (RFC 9112, section 3.2.2)."""
    _, _, rest = url.partition("://")
    return "/" + rest.partition("/")[2]
