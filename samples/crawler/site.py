"""Local sites to crawl: each has a socket of its own, numbered pages that link to each other, and its own pace."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio


def page(number: int, pages: int, next_host: str) -> str:
    """Page n links to three more of the same site, and to page n of the next site."""
    if number >= pages:
        return "HTTP/1.0 404 Not Found\r\n\r\n"
    links = [f"/{n}" for n in range(3 * number + 1, 3 * number + 4) if n < pages]
    anchors = "".join(f'<a href="{link}">on</a> ' for link in (*links, f"http://{next_host}/{number}"))
    return f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Page {number}. {anchors}</p>"


@asynccontextmanager
async def open_sites(
    count: int, pages: int, pace: Callable[[str], Awaitable[object]]
) -> AsyncGenerator[list[str]]:
    """For the length of the block: hosts on 127.0.0.1. With a page's address `pace` is waited for before its answer."""

    async def answer(here: int, stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, IndexError):  # the client has hung up
            path = (await stream.receive_some()).split()[1].decode()
            await pace(f"http://{hosts[here]}{path}")
            await stream.send_all(page(int(path[1:]), pages, hosts[(here + 1) % count]).encode())

    async with trio.open_nursery() as nursery:
        listeners = [await trio.open_tcp_listeners(0, host="127.0.0.1") for _ in range(count)]
        hosts = ["127.0.0.1:{1}".format(*each[0].socket.getsockname()) for each in listeners]
        for here, each in enumerate(listeners):
            nursery.start_soon(trio.serve_listeners, partial(answer, here), each)
        yield hosts
        nursery.cancel_scope.cancel()
