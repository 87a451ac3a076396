"""The HTTP door met by real clients on a real socket."""

import http.client
from functools import partial

import pytest
import trio
import urllib3

from runtime.clock import SystemClock
from runtime.door.http import Request, Response
from runtime.door.http_server import HttpServer, serve_http

pytestmark = pytest.mark.wire


async def echo(request: Request) -> Response:
    return Response(200, request.body, [("X-Method", request.method), ("X-Path", request.path)])


@pytest.fixture
async def server(nursery: trio.Nursery) -> HttpServer:
    server = await nursery.start(serve_http, echo, SystemClock(), 0)
    assert isinstance(server, HttpServer)
    return server


@pytest.fixture
def port(server: HttpServer) -> int:
    listener = server.listeners[0]
    assert isinstance(listener, trio.SocketListener)
    return int(listener.socket.getsockname()[1])


async def test_http_client_keeps_its_connection(port: int) -> None:
    def talk() -> list[tuple[int, str | None, bytes]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        heard: list[tuple[int, str | None, bytes]] = []
        for method, body in [("POST", b"a"), ("HEAD", None), ("PUT", b"x" * 300_000), ("GET", None)]:
            connection.request(method, "/p", body)
            used = connection.sock
            reply = connection.getresponse()
            heard.append((reply.status, reply.headers["X-Method"], reply.read()[:3]))
            assert connection.sock is used
        connection.close()
        return heard

    heard = await trio.to_thread.run_sync(talk)
    assert heard == [(200, "POST", b"a"), (200, "HEAD", b""), (200, "PUT", b"xxx"), (200, "GET", b"")]


async def test_urllib3_sends_chunks(port: int) -> None:
    def talk() -> bytes:
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            return pool.request(
                "POST", f"http://127.0.0.1:{port}/", body=iter([b"ab", b"cd"]), chunked=True
            ).data

    assert await trio.to_thread.run_sync(talk) == b"abcd"


@pytest.mark.parametrize("headers", [{}, {"Expect": "100-continue"}], ids=["plain", "expect"])
async def test_a_client_that_sends_far_too_much_still_reads_its_413(
    port: int, headers: dict[str, str]
) -> None:
    def talk() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/")
        for name, value in {"Content-Length": str(12 * 1_048_576), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        if not headers:
            connection.send(b"x" * (12 * 1_048_576))
        with connection.getresponse() as reply:
            status = reply.status
        connection.close()
        return status

    assert await trio.to_thread.run_sync(talk) == 413


async def test_many_clients_at_once_are_all_answered(port: int) -> None:
    answers: list[bytes] = []

    def talk(n: int) -> bytes:
        with urllib3.PoolManager(retries=False, timeout=10) as pool:
            url = f"http://127.0.0.1:{port}/"
            return b"".join(pool.request("POST", url, body=b"%d" % n).data for _ in range(10))

    async def one(n: int) -> None:
        answers.append(await trio.to_thread.run_sync(partial(talk, n)))

    async with trio.open_nursery() as nursery:
        for n in range(8):
            nursery.start_soon(one, n)
    assert sorted(answers) == [b"%d" % n * 10 for n in range(8)]


async def test_drain_closes_the_port_and_ends(server: HttpServer, port: int) -> None:
    await server.drain(1.0)
    with pytest.raises(OSError, match="connect"):
        await trio.open_tcp_stream("127.0.0.1", port)
