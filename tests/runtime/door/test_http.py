"""The HTTP door over streams of memory, on virtual time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import structlog.testing
import trio
import trio.testing
from trio.testing import MockClock

from runtime.door.http import Hangup, HttpLimits, Request, Response
from runtime.door.http_server import HttpServer

LIMITS = HttpLimits(head_max=4_096, headers_max=20, body_max=1_000, kept_max=200, connections_max=3)
LINE = b"GET / HTTP/1.1\r\nHost: here\r\n"
GET = b"GET /a?b=%20c HTTP/1.1\r\nHost: here\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in (b"Host: here", b"Content-Length: %d" % len(body), *headers))
    return b"POST / HTTP/1.1\r\n" + lines + b"\r\n" + body


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """The other end of a stream: sends bytes, reads replies."""

    def __init__(
        self, stream: trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]
    ) -> None:
        self.stream = stream
        self.received = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def read(self, end: bytes) -> bytes:
        while end not in self.received:
            data = await self.stream.receive_some()
            assert data, f"closed after {self.received!r}"
            self.received += data
        taken, _, self.received = self.received.partition(end)
        return taken

    async def reply(self, *, head: bool = False) -> Reply:
        first, *lines = (await self.read(b"\r\n\r\n")).decode().split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if head else int(headers.get("content-length", 0))
        while len(self.received) < length:
            self.received += await self.stream.receive_some()
        body, self.received = self.received[:length], self.received[length:]
        return Reply(int(status), headers, body)

    async def ask(self, data: bytes) -> Reply:
        await self.send(data)
        return await self.reply()

    async def is_closed(self) -> bool:
        """True as soon as the server has closed; nothing else may come."""
        assert self.received == b""
        return await self.stream.receive_some() == b""


class Recorder:
    """A handler that keeps what it was asked; `answer` says what to do."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Awaitable[Response]] = self.echo

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return await self.answer(request)

    async def echo(self, request: Request) -> Response:
        return Response(200, request.body or request.target.encode(), [("X-Kind", "echo")])


class Time:
    """Trio's mock clock as ours. (Our own virtual one would jump while `wait_all_tasks_blocked` waits.)"""

    def __init__(self, mock: MockClock) -> None:
        self._mock = mock

    def now(self) -> float:
        return 1_700_000_000.0 + self._mock.current_time()

    wall = now


@pytest.fixture
def handler() -> Recorder:
    return Recorder()


@pytest.fixture
async def server(handler: Recorder, autojump_clock: MockClock, nursery: trio.Nursery) -> HttpServer:
    server = HttpServer(handler, Time(autojump_clock), limits=LIMITS)
    await nursery.start(server.run)
    return server


Connect = Callable[[], Client]


@pytest.fixture
def connect(server: HttpServer, nursery: trio.Nursery) -> Connect:
    def connect() -> Client:
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(server.serve_connection, theirs)
        return Client(ours)

    return connect


async def test_a_request_reaches_the_handler_whole(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    reply = await connect().ask(GET)

    request = handler.requests[0]
    assert (request.method, request.path, request.query) == ("GET", "/a", "b=%20c")
    assert request.headers == {"host": "here"}
    assert (reply.status, reply.body) == (200, b"/a?b=%20c")
    assert reply.headers["x-kind"] == "echo"
    assert reply.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


async def test_header_names_are_lower_case_and_repeated_ones_joined(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    await connect().ask(post(b"x", b"X-Own: a \t", b"x-own:b", b"X-Amz-Target: T"))

    headers = handler.requests[0].headers
    assert (headers["x-own"], headers["x-amz-target"]) == ("a,b", "T")


async def test_the_path_of_an_absolute_url_is_its_path(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    await connect().ask(b"GET http://here:1/a/b?c HTTP/1.1\r\nHost: here\r\n\r\n")
    assert (handler.requests[0].path, handler.requests[0].query) == ("/a/b", "c")


async def test_a_connection_is_used_again(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    assert [(await client.ask(post(b"%d" % n))).body for n in range(3)] == [b"0", b"1", b"2"]


async def test_pipelined_requests_are_answered_in_order(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    await client.send(b"".join(post(b"%d" % n) for n in range(50)))
    assert [(await client.reply()).body for _ in range(50)] == [b"%d" % n for n in range(50)]


async def test_a_chunked_body_arrives_whole_and_its_trailers_are_dropped(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    chunks = b"3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Late: 1\r\n\r\n"
    client = connect()
    reply = await client.ask(
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + GET
    )

    assert reply.body == b"abcdefg"
    assert "x-late" not in handler.requests[0].headers
    assert (await client.reply()).body == b"/a?b=%20c"
    assert handler.requests[1].headers == {"host": "here"}


async def test_http_1_0_closes_unless_it_asks_to_stay(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    reply = await client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert reply.headers["connection"] == "keep-alive"
    reply = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
    assert reply.headers["connection"] == "close"
    assert await client.is_closed()


async def test_a_client_that_asks_to_close_gets_its_answer_first(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    client = connect()
    reply = await client.ask(post(b"last", b"Connection: close") + GET)
    assert (reply.body, reply.headers["connection"]) == (b"last", "close")
    assert await client.is_closed()
    assert len(handler.requests) == 1


async def test_a_handler_may_close(connect: Connect, handler: Recorder, autojump_clock: MockClock) -> None:
    async def close(request: Request) -> Response:
        return Response(200, b"bye", close=True)

    handler.answer = close
    client = connect()
    assert (await client.ask(GET)).headers["connection"] == "close"
    assert await client.is_closed()


async def test_head_has_the_length_and_no_body(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    await client.send(b"HEAD /abc HTTP/1.1\r\nHost: here\r\n\r\n")
    assert (await client.reply(head=True)).headers["content-length"] == "4"
    assert (await client.ask(GET)).status == 200


async def test_204_has_neither_length_nor_body(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def nothing(request: Request) -> Response:
        return Response(204)

    handler.answer = nothing
    client = connect()
    assert "content-length" not in (await client.ask(GET)).headers
    assert (await client.ask(GET)).status == 204


async def test_100_continue_comes_before_the_body_and_after_earlier_replies(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.send(GET + post(b"abc", b"Expect: 100-continue")[:-3])
    assert (await client.reply()).status == 200
    assert (await client.reply()).status == 100
    assert (await client.ask(b"abc")).body == b"abc"


async def test_no_100_continue_when_the_body_is_already_there(
    connect: Connect, autojump_clock: MockClock
) -> None:
    assert (await connect().ask(post(b"abc", b"Expect: 100-continue"))).body == b"abc"


async def test_no_100_continue_when_a_part_of_the_body_is_there(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.send(post(b"abc", b"Expect: 100-continue")[:-1])
    await trio.testing.wait_all_tasks_blocked()
    assert (await client.ask(b"c")).body == b"abc"


async def test_a_long_head_leaves_room_for_the_framing_of_chunks(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.send(LINE + b"Transfer-Encoding: chunked\r\nA: " + b"a" * 4_000 + b"\r\n\r\n")
    await trio.testing.wait_all_tasks_blocked()
    await client.send(b"3;" + b"x" * 200)
    await trio.testing.wait_all_tasks_blocked()
    assert (await client.ask(b"\r\nabc\r\n0\r\n\r\n")).body == b"abc"


async def test_a_body_that_is_too_long_is_refused_before_it_is_sent(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    reply = await client.ask(post(b"x" * 1_001, b"Expect: 100-continue")[:-1_001])
    assert (reply.status, reply.headers["connection"]) == (413, "close")


async def test_a_chunked_body_is_refused_when_it_grows_too_long(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.send(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.send(b"1F4\r\n" + b"x" * 500 + b"\r\n" + b"1F4\r\n" + b"x" * 500 + b"\r\n")
    assert (await client.ask(b"1\r\nx\r\n")).status == 413


CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = [
    b"3E9\r\n",
    b"0003e9;a=b\r\n",
    b"FFFFFFFFFFFF\r\n",
    b"3E9\r\n\r\n\r\n",
    b"1F4\r\n" + b"\n" * 500 + b"\r\n1F5\r\n",
    b"3E7\r\n" + b"\r" * 999 + b"\r\n2\r\n",
    b"3E7\r\n" + b"\r" * 999 + b"\r\n2\r\n\r",
]
FITTING = [
    b"3E8\r\n",
    b"1F4\r\n" + b"1\r\n2\r" * 100 + b"\r\n1F4\r\n",
    b"3E7\r\n" + b"\n" * 999 + b"\r\n1\r\n\r",
    b"3E8\r\nFFF\r\n",
    b"3E8\r\n" + b"F" * 998 + b"\r\n",
    b"3E8\r\n" + b"F" * 997 + b"\r\n" + b"\r\r\n0\r\n",
    b"0\r\nFFF: FFF\r\n",
    b"0\r\nA: \r\nFFF",
]


@pytest.mark.parametrize("pieces", [1, 2, 10_000], ids=["at_once", "head_first", "byte_by_byte"])
@pytest.mark.parametrize("body", TOO_LARGE + FITTING)
async def test_a_chunk_is_refused_by_the_size_it_announces_before_it_comes(
    connect: Connect, autojump_clock: MockClock, body: bytes, pieces: int
) -> None:
    data = CHUNKED + body
    cuts = {1: [data], 2: [CHUNKED, body], 10_000: [bytes([byte]) for byte in data]}
    client = connect()
    for piece in cuts[pieces]:
        await client.send(piece)
        if pieces == 2 or len(data) < 200:
            await trio.testing.wait_all_tasks_blocked()
    # Nothing more comes of the body, so a chunk that fits is one that the server waits for, until it is too late.
    assert (await client.reply()).status == (413 if body in TOO_LARGE else 408)


@pytest.mark.parametrize(
    "trailers", [b"A: " + b"b" * 4_096 + b"\r\n", b"A: b\r\n" * 21], ids=["long", "many"]
)
@pytest.mark.parametrize("waits", [False, True])
async def test_trailers_are_bounded_as_a_head_is(
    connect: Connect, handler: Recorder, autojump_clock: MockClock, *, trailers: bytes, waits: bool
) -> None:
    client = connect()
    await client.send(CHUNKED + b"1\r\na\r\n")
    if waits:
        await trio.testing.wait_all_tasks_blocked()
    assert (await client.ask(b"0\r\n" + trailers + b"\r\n")).status == 431
    assert handler.requests == []


@pytest.mark.parametrize(
    "host", [b"", b"a", b"a_b.c-d:80", b"[::1]:4566", b"127.0.0.1", b"xn--bcher-kva.example:", b"a%2Fb"]
)
async def test_a_host_may_be_a_name_or_an_address_with_a_port(
    connect: Connect, handler: Recorder, autojump_clock: MockClock, host: bytes
) -> None:
    assert (await connect().ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")).status == 200
    assert handler.requests[0].headers["host"] == host.decode()


@pytest.mark.parametrize(
    "host", [b"a b", b"a/b", b"a@b", b"a,b", b"a:b", b"a:1:2", b"<a>", b'a"', b"\xe9", b"[::1", b"::1"]
)
async def test_a_host_that_is_none_is_refused(
    connect: Connect, handler: Recorder, autojump_clock: MockClock, host: bytes
) -> None:
    client = connect()
    assert (await client.ask(GET)).status == 200
    assert (await client.ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")).status == 400
    assert len(handler.requests) == 1


REFUSED = [
    (b"\x16\x03\x01\x02\x00\x01", 400),
    (b"nonsense\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (LINE + b"Host: there\r\n\r\n", 400),
    (LINE + b"Host: here\r\n\r\n", 400),
    (b"GET / HTTP/1.0\r\nHost: here\r\nHost: there\r\n\r\n", 400),
    (LINE + b"A: b\r\n c\r\n\r\n", 400),
    (LINE + b"A : b\r\n\r\n", 400),
    (LINE + b"A: b\x00\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nHost: here\n\n", 400),
    (LINE + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    (LINE + b"Content-Length: 1, 1\r\n\r\nx", 400),
    (LINE + b"Content-Length: -1\r\n\r\nx", 400),
    (LINE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
    (LINE + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (LINE + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    (LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (LINE + b"Expect: miracles\r\n\r\n", 417),
    (b"CONNECT there:1 HTTP/1.1\r\nHost: here\r\n\r\n", 501),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET / HTTP/2.0\r\nHost: here\r\n\r\n", 505),
    (b"GET / HTTP/3.0\r\nHost: here\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 505),
    (LINE + b"A: b\r\n" * 20 + b"\r\n", 431),
    (LINE + b"A: " + b"b" * 4_096 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 4_096 + b" HTTP/1.1\r\nHost: here\r\n\r\n", 431),
]


@pytest.mark.parametrize("piece_max", [65_536, 1], ids=["at_once", "byte_by_byte"])
@pytest.mark.parametrize(("data", "status"), REFUSED)
async def test_what_is_wrong_is_refused_and_the_connection_closed(
    connect: Connect, handler: Recorder, data: bytes, status: int, piece_max: int
) -> None:
    client = connect()
    await client.ask(GET)
    for piece in [data[at : at + piece_max] for at in range(0, len(data), piece_max)]:
        await client.send(piece)
        if len(piece) < len(data) < 200:
            await trio.testing.wait_all_tasks_blocked()
    reply = await client.reply()
    assert (reply.status, reply.headers["connection"]) == (status, "close")
    assert await client.is_closed()
    assert len(handler.requests) == 1


@pytest.mark.parametrize("start", [b"0\r\nX-Endless: ", b"1;"], ids=["trailer", "extension"])
async def test_what_never_ends_behind_the_head_is_refused(
    connect: Connect, autojump_clock: MockClock, start: bytes
) -> None:
    client = connect()
    await client.send(LINE + b"Transfer-Encoding: chunked\r\n\r\n" + start)
    for _ in range(5):
        await trio.testing.wait_all_tasks_blocked()
        await client.send(b"x" * 1_000)
    assert (await client.reply()).status == 431


async def test_requests_before_a_bad_one_are_answered(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    assert (await client.ask(GET + b"nonsense\r\n\r\n")).status == 200
    assert (await client.reply()).status == 400


async def test_a_handler_that_crashes_answers_500_and_its_log_holds_no_secret(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def crash(request: Request) -> Response:
        raise ValueError(request.body)

    handler.answer = crash
    client = connect()
    with structlog.testing.capture_logs() as logs:
        reply = await client.ask(post(b"hush", b"Authorization: hush-hush"))
    assert (reply.status, reply.body, reply.headers["connection"]) == (
        500,
        b"Internal Server Error\n",
        "close",
    )
    assert await client.is_closed()
    assert [(log["event"], log["log_level"], log["error"]) for log in logs] == [
        ("http_handler_failed", "error", "ValueError")
    ]
    assert "hush" not in repr(logs)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "\N{SNOWMAN}"])
async def test_a_header_that_would_break_the_response_is_a_crash(
    connect: Connect, handler: Recorder, value: str, autojump_clock: MockClock
) -> None:
    async def inject(request: Request) -> Response:
        return Response(200, headers=[("X-Value", value)])

    handler.answer = inject
    with structlog.testing.capture_logs():
        assert (await connect().ask(GET)).status == 500


async def test_silence_between_requests_closes_without_a_word(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.ask(GET)
    since = autojump_clock.current_time()
    assert await client.is_closed()
    assert 75 <= autojump_clock.current_time() - since < 76


async def test_a_used_connection_is_not_idle(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    for _ in range(5):
        await trio.sleep(74)
        assert (await client.ask(GET)).status == 200


@pytest.mark.parametrize("start", [b"G", GET[:-1], b"GET / HTTP/1.1\r\nHost"])
async def test_a_head_that_takes_too_long_is_answered_408_though_bytes_trickle(
    connect: Connect, autojump_clock: MockClock, nursery: trio.Nursery, start: bytes
) -> None:
    client = connect()
    since = autojump_clock.current_time()
    await client.send(start)

    async def trickle() -> None:
        await trio.sleep(20)
        if start != GET[:-1]:
            await client.send(b"E" if start == b"G" else b"x")

    nursery.start_soon(trickle)
    reply = await client.reply()
    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert 30 <= autojump_clock.current_time() - since < 31


async def test_a_head_has_its_own_deadline_after_a_slow_one(
    connect: Connect, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.send(GET[:10])
    await trio.sleep(20)
    await client.send(GET[10:] + GET[:10])
    assert (await client.reply()).status == 200
    await trio.sleep(20)
    assert (await client.ask(GET[10:])).status == 200


async def test_a_body_may_be_slow_but_not_stand_still(connect: Connect, autojump_clock: MockClock) -> None:
    client = connect()
    await client.send(post(b"abcd")[:-4])
    for byte in b"abc":
        await trio.sleep(29)
        await client.send(bytes([byte]))
    since = autojump_clock.current_time()
    assert (await client.reply()).status == 408
    assert 30 <= autojump_clock.current_time() - since < 31


async def test_a_handler_has_no_time_limit_here(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def slow(request: Request) -> Response:
        await trio.sleep(3_600)
        return Response(200)

    handler.answer = slow
    assert (await connect().ask(GET)).status == 200


async def test_a_client_that_does_not_read_its_reply_is_cut(
    server: HttpServer, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(server.serve_connection, theirs)
    await ours.send_all(GET)
    await trio.sleep(59)
    assert server.connections == 1
    await trio.sleep(5)
    assert server.connections == 0


async def wait_for_ever(request: Request) -> Response:
    async with request.hangup():
        await trio.sleep_forever()
    return Response(200)


async def test_a_client_that_hangs_up_cancels_the_block_that_waits(
    connect: Connect, server: HttpServer, handler: Recorder, autojump_clock: MockClock
) -> None:
    ends: list[str] = []

    async def wait(request: Request) -> Response:
        try:
            return await wait_for_ever(request)
        except Hangup:
            ends.append("hangup")
            raise

    handler.answer = wait
    client = connect()
    await client.send(GET)
    await trio.testing.wait_all_tasks_blocked()
    assert ends == []
    with structlog.testing.capture_logs() as logs:
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
    assert (ends, logs, server.connections) == (["hangup"], [], 0)


async def test_bytes_sent_during_hangup_are_the_next_request(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def wait(request: Request) -> Response:
        for _ in range(2):
            async with request.hangup():
                await trio.sleep(10)
        return Response(200, request.body)

    handler.answer = wait
    client = connect()
    await client.send(post(b"a"))
    await trio.testing.wait_all_tasks_blocked()
    await client.send(post(b"b")[:30])
    await trio.sleep(15)
    await client.send(post(b"b")[30:])
    assert [(await client.reply()).body for _ in range(2)] == [b"a", b"b"]


async def test_only_so_much_is_kept_during_hangup_and_none_is_lost(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def wait(request: Request) -> Response:
        async with request.hangup():
            await trio.sleep(10)
        return Response(200, request.body)

    handler.answer = wait
    client = connect()
    for n in range(20):
        await client.send(post(b"%d" % n))
        await trio.testing.wait_all_tasks_blocked()
    assert [(await client.reply()).body for _ in range(20)] == [b"%d" % n for n in range(20)]


async def test_a_client_that_sends_ahead_without_end_is_not_read(
    server: HttpServer, handler: Recorder, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    handler.answer = wait_for_ever
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(server.serve_connection, theirs)
    await ours.send_all(GET)
    taken = 0
    with trio.move_on_after(1):
        while taken < 10:
            await ours.send_all(b"x" * 50)
            taken += 1
    assert taken == LIMITS.kept_max // 50


async def test_an_error_leaves_the_hangup_block_as_it_is(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    found: dict[str, int] = {}

    async def refuse(request: Request) -> Response:
        try:
            async with request.hangup():
                await trio.sleep(1)
                return Response(found[request.path])
        except KeyError:
            return Response(404)

    handler.answer = refuse
    client = connect()
    assert (await client.ask(GET)).status == 404
    assert (await client.ask(GET)).status == 404


async def test_earlier_replies_leave_before_a_handler_waits(
    connect: Connect, handler: Recorder, autojump_clock: MockClock
) -> None:
    async def wait(request: Request) -> Response:
        return await (wait_for_ever(request) if request.body == b"wait" else handler.echo(request))

    handler.answer = wait
    client = connect()
    await client.send(post(b"a") + post(b"wait"))
    assert (await client.reply()).body == b"a"


async def test_drain_closes_the_idle_and_lets_the_busy_finish(
    connect: Connect, server: HttpServer, handler: Recorder, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async def slow(request: Request) -> Response:
        await trio.sleep(4)
        return Response(200, b"done")

    idle, busy, half = connect(), connect(), connect()
    assert (await idle.ask(GET)).status == 200
    handler.answer = slow
    await busy.send(GET)
    await half.send(GET[:-2])
    await trio.testing.wait_all_tasks_blocked()
    since = autojump_clock.current_time()
    nursery.start_soon(server.drain, 10.0)
    assert await idle.is_closed()
    assert autojump_clock.current_time() == since
    reply = await busy.reply()
    assert (reply.body, reply.headers["connection"]) == (b"done", "close")
    assert (await half.ask(GET[-2:])).headers["connection"] == "close"
    assert (await connect().reply()).status == 503


async def test_a_request_that_comes_in_the_very_moment_of_drain_reaches_no_handler(
    connect: Connect, server: HttpServer, handler: Recorder, autojump_clock: MockClock
) -> None:
    client = connect()
    await client.ask(GET)
    await trio.testing.wait_all_tasks_blocked()
    await client.send(GET)
    await server.drain(10.0)
    assert len(handler.requests) == 1
    assert await client.is_closed()


async def test_drain_closes_a_connection_whose_last_reply_is_on_its_way(
    server: HttpServer, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    nursery.start_soon(server.serve_connection, theirs)
    await ours.send_all(GET)
    await trio.testing.wait_all_tasks_blocked()
    nursery.start_soon(server.drain, 10.0)
    await trio.testing.wait_all_tasks_blocked()
    assert await ours.receive_some() != b""
    assert await ours.receive_some() == b""
    assert autojump_clock.current_time() == 0


async def test_drain_cuts_what_is_not_done_after_the_grace(
    connect: Connect, server: HttpServer, handler: Recorder, autojump_clock: MockClock
) -> None:
    handler.answer = wait_for_ever
    client = connect()
    await client.send(GET)
    await trio.testing.wait_all_tasks_blocked()
    since = autojump_clock.current_time()
    await server.drain(10.0)
    assert autojump_clock.current_time() - since == pytest.approx(10, abs=0.01)
    assert await client.is_closed()
    assert server.connections == 0


async def test_one_client_too_many_is_turned_away(connect: Connect, autojump_clock: MockClock) -> None:
    clients = [connect() for _ in range(3)]
    for client in clients:
        assert (await client.ask(GET)).status == 200
    late = connect()
    assert (await late.reply()).status == 503
    assert await late.is_closed()


@pytest.mark.parametrize(
    "start",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest",
        LINE + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nrest",
    ],
)
async def test_a_handover_gets_the_stream_and_all_that_was_read(
    handler: Recorder, autojump_clock: MockClock, nursery: trio.Nursery, start: bytes
) -> None:
    async def take(stream: trio.abc.Stream, read: bytes) -> None:
        while len(read) < len(start):
            read += await stream.receive_some()
        await stream.send_all(read)

    server = HttpServer(handler, Time(autojump_clock), handover=take)
    await nursery.start(server.run)
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(server.serve_connection, theirs)
    client = Client(ours)
    await client.send(start[:20])
    await trio.testing.wait_all_tasks_blocked()
    await client.send(start[20:])
    assert await client.read(b"rest") + b"rest" == start
    assert await client.is_closed()


OFFER = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
OFFERED_CHUNKS = b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nGE\r\n4\r\nT / \r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (LINE + b"\r\n".join(OFFER) + b"\r\n\r\n", b""),
        (post(GET, *OFFER), GET),
        (b"POST / HTTP/1.1\r\nHost: here\r\n" + b"\r\n".join(OFFER) + OFFERED_CHUNKS, b"GET / "),
    ],
)
async def test_an_upgrade_that_nobody_takes_is_ignored_and_its_body_is_no_request(
    handler: Recorder, connect: Connect, request_: bytes, body: bytes
) -> None:
    for place in range(1, len(request_)):
        handler.requests.clear()
        client = connect()
        await client.send(request_[:place])
        await trio.testing.wait_all_tasks_blocked()
        await client.send(request_[place:] + request_ + GET)
        assert [(await client.reply()).status for _ in range(3)] == [200, 200, 200]
        assert [one.body for one in handler.requests] == [body, body, b""]
        assert "host" in handler.requests[0].headers
        assert handler.requests[2].path == "/a"
        await client.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()


async def test_the_limits_hold_for_a_request_whose_upgrade_is_ignored(connect: Connect) -> None:
    client = connect()
    await client.send(post(b"x" * 1_001, *OFFER))
    assert (await client.reply()).status == 413


async def test_who_offers_an_upgrade_and_waits_to_send_its_body_is_told_to_go_on(
    handler: Recorder, connect: Connect
) -> None:
    client = connect()
    whole = post(b"body", b"Expect: 100-continue", *OFFER)
    await client.send(whole[:-4])
    assert await client.read(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
    await client.send(whole[-4:])
    assert (await client.reply()).status == 200
    assert handler.requests[0].body == b"body"


async def test_an_upgrade_behind_another_request_is_refused(
    handler: Recorder, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def take(stream: trio.abc.Stream, read: bytes) -> None:
        raise AssertionError(read)

    server = HttpServer(handler, Time(autojump_clock), handover=take)
    await nursery.start(server.run)
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(server.serve_connection, theirs)
    client = Client(ours)
    await client.send(GET + LINE)
    assert (await client.reply()).status == 200
    await client.send(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await client.reply()).status == 501
