"""The HTTP door against noise: whatever comes, it answers well-formed or closes; it never crashes and never hangs."""

import re
from itertools import pairwise

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.clock import VirtualClock
from runtime.door.http import HttpLimits, Request, Response
from runtime.door.http_server import HttpServer

LIMITS = HttpLimits(head_max=2_048, headers_max=20, body_max=500)
VALID = [
    b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    b"HEAD /b?c=d HTTP/1.1\r\nHost: h\r\nX-Own: a\r\nX-Own: b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nxy\r\n1\r\nz\r\n0\r\nT: u\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nGET /",
    b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]
FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b" ", b":", b"\x00", b"\xff", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"Expect: x\r\n", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\n",
    b"Host: h\r\n", b"999999999999", b"A: " + b"a" * 3_000,
]  # fmt: skip
REPLY = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[A-Za-z-]+: [^\r\n]*\r\n)*)\r\n")


async def echo(request: Request) -> Response:
    return Response(200, f"{request.method} {request.target} {dict(request.headers)}".encode() + request.body)


async def converse(clock: VirtualClock, pieces: list[bytes]) -> bytes:
    """All that the server says to a client that sends `pieces`, one after the other is taken, and waits for the end."""
    said = b""
    server = HttpServer(echo, clock, limits=LIMITS)
    ours, theirs = trio.testing.memory_stream_pair()
    with trio.fail_after(1_000):  # virtual: longer than all timeouts together
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run)

            async def serve() -> None:
                await server.serve_connection(theirs)
                assert server.connections == 0

            nursery.start_soon(serve)
            for piece in pieces:
                try:
                    await ours.send_all(piece)
                except trio.BrokenResourceError:
                    break
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
            while data := await ours.receive_some():
                said += data
            await server.drain(1.0)
    return said


def talk(pieces: list[bytes]) -> bytes:
    clock = VirtualClock(autojump=True)
    return trio.run(converse, clock, pieces, clock=clock)


def statuses(said: bytes, *, heads: bool) -> list[int]:
    """The replies' statuses; asserts that there is nothing but whole replies."""
    found: list[int] = []
    while said:
        reply = REPLY.match(said)
        assert reply, said
        found.append(int(reply[1]))
        length = re.search(rb"Content-Length: (\d+)", reply[2])
        rest = said[reply.end() :]
        # After HEAD there is a length but no body: then the next reply follows at once.
        bodiless = heads and (not rest or rest.startswith(b"HTTP/1.1 "))
        said = rest if bodiless or not length else rest[int(length[1]) :]
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = b"".join(draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6))
        new = draw(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=4)))
        data = data[:at] + new + data[at + length :]
    return data


@settings(max_examples=300, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), mutated()), places=PLACES)
def test_noise_is_answered_well_formed_or_closed(data: bytes, places: list[int]) -> None:
    for status in statuses(talk(cut(data, places)), heads=b"HEAD" in data):
        assert status in {100, 200, 400, 408, 413, 417, 431, 501, 505}


@settings(max_examples=200, deadline=None)
@given(requests=st.lists(st.sampled_from(VALID), min_size=1, max_size=5), places=PLACES)
def test_valid_requests_have_the_same_answers_however_they_are_cut(
    requests: list[bytes], places: list[int]
) -> None:
    data = b"".join(requests)
    whole, pieces = talk([data]), talk(cut(data, places))
    dropped = b"HTTP/1.1 100 Continue\r\n\r\n"  # only who has not sent the body yet is told to go on
    assert pieces.replace(dropped, b"") == whole.replace(dropped, b"")
    assert whole.count(b" 200 OK") == len(requests)


def test_every_single_cut_gives_the_same_answers() -> None:
    for request in VALID:
        whole = talk([request]).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        for place in range(1, len(request)):
            assert (
                talk([request[:place], request[place:]]).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
                == whole
            )
