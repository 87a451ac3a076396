"""A crawler that is as fast as the sites it visits, and as whoever reads what it finds; never faster.

python -m samples.crawler.crawl
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import trio
from typing_extensions import override

from actors import Ref, Spec
from patterns.flow import Flow, pulled
from runtime import System
from samples.crawler.frontier import Found, Frontier, FrontierMessage, Look, Manners, Standing, Take, Visited
from samples.crawler.site import open_sites

PATIENCE = 10.0
"""Seconds that one page may take."""
PAGE_MAX = 1_000_000
"""Bytes; what a page has beyond that is not read."""

Fetch = Callable[[str], Awaitable[str]]


class NotFetched(Exception):
    """The site's answer was none, or not this page."""


@dataclass(frozen=True, slots=True)
class Page:
    url: str
    text: str = ""
    links: tuple[str, ...] = ()
    failure: str | None = None


class Links(HTMLParser):
    """The addresses that a page's links lead to, each once, in their order."""

    def __init__(self, page: str, text: str) -> None:
        super().__init__()
        self.page = page
        self.found: dict[str, None] = {}
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") if tag == "a" else None
        if href:
            self.found[urldefrag(urljoin(self.page, href)).url] = None


async def fetch(url: str) -> str:
    """A page's text, over a connection of its own. Raises NotFetched."""
    where = urlsplit(url)
    request = f"GET {where.path or '/'} HTTP/1.0\r\nHost: {where.netloc}\r\n\r\n"
    answer = b""
    try:
        with trio.fail_after(PATIENCE):
            # a sample is at the edge, where programs of yours will talk to the world too
            stream = await trio.open_tcp_stream(where.hostname or "", where.port or 80)  # noqa: TID251
            async with stream:
                await stream.send_all(request.encode())
                while len(answer) < PAGE_MAX and (more := await stream.receive_some()):
                    answer += more
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise NotFetched(f"{type(error).__name__}: {error}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("latin-1")
    if " 200 " not in status:
        raise NotFetched(status or "an empty answer")
    return body.decode("utf-8", "replace")


def crawl(frontier: Ref[FrontierMessage], fetch: Fetch = fetch, *, at_once: int = 8) -> Flow[Page]:
    """A frontier's pages as they come. A plan: nothing is fetched before somebody reads, nor much ahead of it."""

    async def visit(url: str) -> Page:
        try:
            text = await fetch(url)
            page = Page(url, text, tuple(Links(url, text).found))
        except NotFetched as error:
            page = Page(url, failure=str(error))
        await frontier.ask(Visited(url=url, links=page.links))
        return page

    return pulled(lambda count: frontier.ask(Take(count=count))).map(visit, at_once=at_once)


async def read(system: System, hosts: Sequence[str], *, pause: float, reading: float) -> tuple[int, Standing]:
    """Crawl until nothing is left, by a reader who takes `reading` seconds for a page: pages, and how it stands."""
    manners = Manners(frozenset(hosts), pause=pause)
    frontier = system.spawn(Spec(Frontier, (manners,)))
    await frontier.ask(Found(links=(f"http://{hosts[0]}/0",)))
    count = 0
    async with crawl(frontier).open(system, window=8) as pages:
        async for _ in pages:
            count += 1
            await trio.sleep(reading)
    return count, await frontier.ask(Look())


async def main(sites: int = 3, pages: int = 40) -> None:
    for who, takes, reading in (("quick", 0.0, 0.0), ("slow", 0.02, 0.0), ("quick", 0.0, 0.02)):
        async with open_sites(sites, pages=pages, pace=partial(trio.sleep, takes)) as open_:
            async with System() as system:
                begin = system.clock.now()
                count, _ = await read(system, [one.host for one in open_], pause=0.001, reading=reading)
                seconds = system.clock.now() - begin
            print(
                f"{count} pages of {sites} {who} sites, {reading:g} s each to read: {count / seconds:.0f} a second"
            )


if __name__ == "__main__":
    trio.run(main)
