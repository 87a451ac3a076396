"""The sample's crawler: against its own sites on real sockets, and against sites in memory in virtual time."""

from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio

from actors import Spec
from runtime import System
from samples.crawler.crawl import Page, crawl, fetch, timed
from samples.crawler.frontier import Frontier
from samples.crawler.site import open_sites
from tests.runtime.cast import on_stage, settled

WINDOW = 8


def most_mail(system: System) -> int:
    return max((len(cell.mailbox or ()) for cell in system.router.cells.values()), default=0)


async def at_once(_: str) -> None:
    """A site that need not think."""


async def nothing(_: Page) -> None:
    """A reader who is always ready."""


async def crawled(
    system: System,
    frontier: Spec[Any],
    each: Callable[[Page], Awaitable[object]] = nothing,
    fetch: Callable[[str], Awaitable[Page]] = fetch,
) -> list[Page]:
    pages: list[Page] = []
    async with crawl(system.spawn(frontier), fetch).open(system, window=WINDOW) as found:
        async for page in found:
            pages.append(page)
            await each(page)
    return pages


# --- on real sockets -----------------------------------------------------------------------------------


@pytest.mark.wire
async def test_every_page_of_every_site_is_fetched_once_and_a_site_has_one_request_at_a_time() -> None:
    under_way: list[str] = []
    most: Counter[str] = Counter()

    async def pace(url: str) -> None:
        host = urlsplit(url).netloc
        under_way.append(host)
        most[host] = max(most[host], under_way.count(host))
        await settled()
        under_way.remove(host)

    with trio.fail_after(30):
        async with open_sites(3, 20, pace) as hosts, System() as system:
            pages = await crawled(system, Spec(Frontier, (hosts, [f"http://{hosts[0]}/0"], 0.0)))
    expected = Counter(f"http://{host}/{number}" for host in hosts for number in range(20))
    assert Counter(page.url for page in pages) == expected
    assert all(page.text and page.left_out == 0 for page in pages)
    assert most == dict.fromkeys(hosts, 1)


@pytest.mark.wire
async def test_a_crawl_goes_on_by_one_request_for_each_answer_that_a_slow_site_gives() -> None:
    asked: list[str] = []
    arrives, arrived = trio.open_memory_channel[None](100)
    release = trio.Semaphore(0)

    async def pace(url: str) -> None:
        asked.append(url)
        arrives.send_nowait(None)
        await release.acquire()

    async def look_on(system: System, nursery: trio.Nursery) -> None:
        await arrived.receive()
        for answers in range(30):
            await settled()
            assert len(asked) == answers + 1
            assert most_mail(system) <= 2
            release.release()
            await arrived.receive()
        nursery.cancel_scope.cancel()

    with trio.fail_after(30):
        async with open_sites(1, 100, pace) as hosts, System() as system, trio.open_nursery() as nursery:
            nursery.start_soon(look_on, system, nursery)
            await crawled(system, Spec(Frontier, (hosts, [f"http://{hosts[0]}/0"], 0.0)))
    assert len(asked) == 31


@pytest.mark.wire
async def test_a_page_that_is_not_there_and_a_site_that_is_not_there_are_told_and_end_no_crawl() -> None:
    (gone,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    dead = "127.0.0.1:{1}".format(*gone.socket.getsockname())
    await gone.aclose()
    with trio.fail_after(30):
        async with open_sites(1, 1, at_once) as (host,), System() as system:
            first = [f"http://{dead}/", f"http://{host}/7", f"http://{host}/0"]
            pages = await crawled(system, Spec(Frontier, ([host, dead], first, 0.0)))
    found = {page.url: page.failure for page in pages}
    assert "OSError" in (found[f"http://{dead}/"] or "")
    assert found[f"http://{host}/7"] == "HTTP/1.0 404 Not Found"
    assert found[f"http://{host}/0"] is None
    assert len(pages) == 3


@pytest.mark.wire
async def test_the_program_says_how_many_pages_came_and_how_fast(capsys: pytest.CaptureFixture[str]) -> None:
    with trio.fail_after(60):
        await timed(0.02, 0.01, sites=2, pages=4)
    # on a busy machine the watchdog's warnings stand between them
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " pages, " in line]
    assert line.startswith("8 pages, 0.02 s to answer, 0.01 s to read: ")


# --- in virtual time -----------------------------------------------------------------------------------


class Web:
    """Sites in memory, without end: each page links to `links` new ones, on the hosts in turn."""

    def __init__(self, system: System, hosts: dict[str, float], links: int = 3) -> None:
        self.system = system
        self.hosts = hosts
        """Seconds that each takes to answer."""
        self.links = links
        self.visits: dict[str, list[tuple[float, float]]] = {host: [] for host in hosts}
        self.mail = 0

    async def fetch(self, url: str) -> Page:
        host, number = url.removeprefix("http://").split("/")
        begin = self.system.clock.now()
        await trio.sleep(self.hosts[host])
        self.visits[host].append((begin, self.system.clock.now()))
        self.mail = max(self.mail, most_mail(self.system))
        names, first = list(self.hosts), int(number) * self.links
        links = (f"http://{names[n % len(names)]}/{n}" for n in range(first + 1, first + self.links + 1))
        return Page(url, "".join(f"<a href='{link}'>" for link in links))

    @property
    def fetched(self) -> int:
        return sum(len(visits) for visits in self.visits.values())

    async def crawled(
        self, hosts: str, pause: float, most: int, each: Callable[[Page], Awaitable[object]] = nothing
    ) -> list[Page]:
        first = [f"http://{next(iter(self.hosts))}/0"]
        return await crawled(self.system, Spec(Frontier, (list(hosts), first, pause, most)), each, self.fetch)


@on_stage()
async def test_a_host_rests_between_two_requests_and_never_has_two_at_once(system: System) -> None:
    web = Web(system, {"a": 0.1, "b": 0.5, "c": 2.0})
    pages = await web.crawled("abc", pause=1.0, most=200)
    assert len(pages) == 200
    for visits in web.visits.values():
        assert len(visits) > 20
        assert all(begin >= end + 1.0 for (_, end), (begin, _) in pairwise(visits))


@on_stage()
async def test_a_slow_site_slows_the_crawler_and_no_mailbox_grows(system: System) -> None:
    took: list[float] = []
    for seconds in (1.0, 10.0):
        web = Web(system, {"a": seconds}, links=50)
        begin = system.clock.now()
        pages = await web.crawled("a", pause=0.0, most=100)
        took.append(round(system.clock.now() - begin))
        assert len(pages) == 100
        assert web.mail <= 2
    assert took == [100, 1_000]


@on_stage()
async def test_a_reader_who_stops_reading_stops_the_crawl(system: System) -> None:
    hosts = dict.fromkeys("abcdefghijklmnopqrst", 0.01)
    web = Web(system, hosts)
    ahead: list[int] = []

    async def long_pause(_: Page) -> None:
        await trio.sleep(1_000)
        ahead.append(web.fetched - len(ahead))
        assert most_mail(system) <= 2

    await web.crawled("".join(hosts), 0.0, 100, long_pause)
    assert max(ahead) <= 3 * WINDOW


@on_stage()
async def test_the_frontier_holds_what_it_may_and_says_how_many_links_had_no_place(system: System) -> None:
    web = Web(system, {"a": 0.1}, links=500)
    pages = await web.crawled("a", pause=0.0, most=40)
    assert len(pages) == 40
    assert [page.left_out for page in pages[:2]] == [500 - 39, 500]


@on_stage()
async def test_a_link_to_a_foreign_host_is_not_followed(system: System) -> None:
    web = Web(system, {"a": 0.0, "b": 0.0})
    pages = await web.crawled("a", pause=0.0, most=10)
    assert {page.url[:9] for page in pages} == {"http://a/"}
    assert web.visits["b"] == []


@on_stage()
async def test_leaving_the_crawl_ends_what_is_being_fetched(system: System) -> None:
    left: list[str] = []

    async def slow(url: str) -> Page:
        try:
            await trio.sleep_forever()
        finally:
            left.append(url)
        return Page(url)

    frontier = system.spawn(Spec(Frontier, (["a", "b"], ["http://a/1", "http://b/1"])))
    async with crawl(frontier, slow).open(system):
        await settled()
        assert left == []
    assert sorted(left) == ["http://a/1", "http://b/1"]


def test_links_are_whole_addresses_each_once_without_fragments() -> None:
    text = "<a href='/x#top'>1</a><a href=../y>2</a><a href='/x'>3</a><a>4</a><b href=z><a href='http://o/'>"
    assert Page("http://h/d/e/", text).links == ("http://h/x", "http://h/d/y", "http://o/")


async def test_an_answer_that_is_none_is_a_failure() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def rude(stream: trio.SocketStream) -> None:
        await stream.aclose()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, rude, listeners)
            page = await fetch("http://127.0.0.1:{1}/".format(*listeners[0].socket.getsockname()))
            nursery.cancel_scope.cancel()
    assert page.failure
