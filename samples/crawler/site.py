"""Local sites to crawl: each has a socket of its own, numbered pages that link to each other, and its own pace."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

REQUEST_MAX = 10_000
"""Bytes."""


@dataclass
class Site:
    """Page n links to three more of the same site, and to page n of the next site."""

    host: str
    pages: int
    pace: Callable[[], Awaitable[object]]
    """Waited for before each answer."""
    next_site: str = ""
    served: list[str] = field(default_factory=list[str])
    under_way: int = 0
    most: int = 0
    """Requests that it ever had at once."""

    async def answer(self, stream: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request and len(request) < REQUEST_MAX:
            more = await stream.receive_some()
            if not more:
                return
            request += more
        path = request.split()[1].decode()
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.pace()
            self.served.append(path)
            await stream.send_all(self.page(path).encode())
        except trio.BrokenResourceError:
            pass  # the client has hung up
        finally:
            self.under_way -= 1

    def page(self, path: str) -> str:
        number = path.removeprefix("/")
        if not number.isdecimal() or int(number) >= self.pages:
            return "HTTP/1.0 404 Not Found\r\n\r\n"
        here = int(number)
        links = [f"/{n}" for n in range(3 * here + 1, 3 * here + 4) if n < self.pages]
        links.append(f"http://{self.next_site}/{here}")
        anchors = "".join(f'<a href="{link}">on</a> ' for link in links)
        return f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Page {here}. {anchors}</p>"


@asynccontextmanager
async def open_sites(
    count: int, *, pages: int, pace: Callable[[], Awaitable[object]]
) -> AsyncGenerator[list[Site]]:
    """So many sites on 127.0.0.1, at ports that the kernel chooses, for the length of the block."""
    sites: list[Site] = []
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port: int = listeners[0].socket.getsockname()[1]
            site = Site(f"127.0.0.1:{port}", pages, pace)
            nursery.start_soon(trio.serve_listeners, site.answer, listeners)
            sites.append(site)
        for site, following in zip(sites, sites[1:] + sites[:1], strict=True):
            site.next_site = following.host
        yield sites
        nursery.cancel_scope.cancel()
