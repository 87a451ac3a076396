"""A crawler that is as fast as the sites it visits, and as whoever reads what it finds; never faster.

python -m samples.crawler.crawl
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

import trio

from actors import Ref, Spec
from patterns.flow import Flow, pulled
from runtime import System
from samples.crawler.frontier import Frontier, Take, Visited
from samples.crawler.site import open_sites

LINK = re.compile(r"""<a\s[^>]*?href=["']?([^"'\s>]+)""")  # for our own sites; other pages want a parser


@dataclass(slots=True)
class Page:
    url: str
    text: str = ""
    failure: str | None = None
    left_out: int = 0  # links for which the frontier had no place

    @property
    def links(self) -> tuple[str, ...]:
        """Whole addresses, each once, in their order."""
        whole = (urldefrag(urljoin(self.url, link)).url for link in LINK.findall(self.text))
        return tuple(dict.fromkeys(whole))


async def fetch(url: str) -> Page:
    """Over a connection of its own, within ten seconds; of a large page, the beginning."""
    where, answer = urlsplit(url), b""
    request = f"GET {where.path or '/'} HTTP/1.0\r\nHost: {where.netloc}\r\n\r\n"
    try:
        with trio.fail_after(10):
            stream = await trio.open_tcp_stream(where.hostname or "", where.port or 80)  # noqa: TID251 it is at the edge
            async with stream:
                await stream.send_all(request.encode())
                while len(answer) < 1_000_000 and (more := await stream.receive_some()):
                    answer += more
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        return Page(url, failure=f"{type(error).__name__}: {error}")
    head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    return Page(url, body) if " 200 " in status else Page(url, failure=status or "an empty answer")


def crawl(frontier: Ref[Take | Visited], fetch: Callable[[str], Awaitable[Page]] = fetch) -> Flow[Page]:
    """A frontier's pages as they come. A plan: nothing is fetched before somebody reads, nor much ahead of it."""

    async def visit(url: str) -> Page:
        page = await fetch(url)
        page.left_out = await frontier.ask(Visited(url=url, links=page.links))
        return page

    return pulled(lambda count: frontier.ask(Take(count=count))).map(visit, at_once=8)


async def timed(takes: float, reading: float, sites: int = 3, pages: int = 40) -> None:
    """Crawl until nothing is left: sites that take a time for a page, and a reader who does."""
    count = 0
    async with open_sites(sites, pages, lambda _: trio.sleep(takes)) as hosts, System() as system:  # noqa: ASYNC105
        begin = system.clock.now()
        frontier = system.spawn(Spec(Frontier, (hosts, [f"http://{hosts[0]}/0"], 0.001)))
        async with crawl(frontier).open(system, window=8) as found:
            async for _ in found:
                count += 1
                await trio.sleep(reading)
        rate = count / (system.clock.now() - begin)
    print(f"{count} pages, {takes:g} s to answer, {reading:g} s to read: {rate:.0f} a second")


if __name__ == "__main__":
    for answering, reading in ((0.0, 0.0), (0.02, 0.0), (0.0, 0.02)):
        trio.run(timed, answering, reading)
