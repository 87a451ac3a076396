"""The sample's crawler: against its own sites on real sockets, and against sites in memory in virtual time."""

from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
import trio

from actors import Spec
from runtime import System
from samples.crawler.crawl import Links, NotFetched, Page, crawl, fetch, main, read
from samples.crawler.frontier import Found, Frontier, Look, Manners, Standing
from samples.crawler.site import Site, open_sites
from tests.runtime.cast import on_stage, settled

WINDOW = 8


def most_mail(system: System) -> int:
    return max((len(cell.mailbox or ()) for cell in system.router.cells.values()), default=0)


async def at_once() -> None:
    """A site that need not think."""


# --- on real sockets -----------------------------------------------------------------------------------


@pytest.mark.wire
async def test_every_page_of_every_site_is_fetched_once_and_a_site_has_one_request_at_a_time() -> None:
    with trio.fail_after(30):
        async with open_sites(3, pages=20, pace=at_once) as sites, System() as system:
            count, standing = await read(system, [site.host for site in sites], pause=0.0, reading=0.0)
    assert count == 60
    assert standing == Standing(accepted=60, waiting=0, left_out=0)
    for site in sites:
        assert Counter(site.served) == Counter(f"/{number}" for number in range(20))
        assert site.most == 1


@pytest.mark.wire
async def test_a_crawl_goes_on_by_one_request_for_each_answer_that_a_slow_site_gives() -> None:
    arrives, arrived = trio.open_memory_channel[None](100)
    release = trio.Semaphore(0)

    async def pace() -> None:
        arrives.send_nowait(None)
        await release.acquire()

    async def look_on(sites: list[Site], system: System, nursery: trio.Nursery) -> None:
        await arrived.receive()
        for answers in range(30):
            assert sum(len(site.served) for site in sites) == answers
            assert sites[0].under_way == 1
            assert most_mail(system) <= 2
            release.release()
            await arrived.receive()
        nursery.cancel_scope.cancel()

    with trio.fail_after(30):
        sites_open = open_sites(1, pages=100, pace=pace)
        async with sites_open as sites, System() as system, trio.open_nursery() as nursery:
            nursery.start_soon(look_on, sites, system, nursery)
            await read(system, [sites[0].host], pause=0.0, reading=0.0)
    assert len(sites[0].served) == 30


@pytest.mark.wire
async def test_a_page_that_is_not_there_and_a_site_that_is_not_there_are_told_and_end_no_crawl() -> None:
    (gone,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    dead = "http://127.0.0.1:{1}/".format(*gone.socket.getsockname())
    await gone.aclose()
    with trio.fail_after(30):
        async with open_sites(1, pages=1, pace=at_once) as (site,), System() as system:
            hosts = frozenset([site.host, dead.split("/")[2]])
            frontier = system.spawn(Spec(Frontier, (Manners(hosts, pause=0.0),)))
            await frontier.ask(Found(links=(dead, f"http://{site.host}/7", f"http://{site.host}/0")))
            async with crawl(frontier).open(system) as pages:
                found = {page.url: page.failure async for page in pages}
    assert "OSError" in (found[dead] or "")
    assert found[f"http://{site.host}/7"] == "HTTP/1.0 404 Not Found"
    assert found[f"http://{site.host}/0"] is None
    assert len(found) == 3


@pytest.mark.wire
async def test_the_program_says_how_many_pages_came_and_how_fast(capsys: pytest.CaptureFixture[str]) -> None:
    with trio.fail_after(60):
        await main(sites=2, pages=4)
    # on a busy machine the watchdog's warnings stand between them
    lines = [line for line in capsys.readouterr().out.splitlines() if " pages of " in line]
    assert [line.split(":")[0] for line in lines] == [
        "8 pages of 2 quick sites, 0 s each to read",
        "8 pages of 2 slow sites, 0 s each to read",
        "8 pages of 2 quick sites, 0.02 s each to read",
    ]


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

    async def fetch(self, url: str) -> str:
        host, number = url.removeprefix("http://").split("/")
        begin = self.system.clock.now()
        await trio.sleep(self.hosts[host])
        self.visits[host].append((begin, self.system.clock.now()))
        self.mail = max(self.mail, most_mail(self.system))
        names, first = list(self.hosts), int(number) * self.links
        return "".join(
            f"<a href='http://{names[n % len(names)]}/{n}'>" for n in range(first + 1, first + self.links + 1)
        )

    @property
    def fetched(self) -> int:
        return sum(len(visits) for visits in self.visits.values())

    async def crawled(
        self, manners: Manners, each: Callable[[Page], Awaitable[object]]
    ) -> tuple[list[Page], Standing]:
        frontier = self.system.spawn(Spec(Frontier, (manners,)))
        await frontier.ask(Found(links=(f"http://{next(iter(self.hosts))}/0",)))
        pages: list[Page] = []
        async with crawl(frontier, self.fetch).open(self.system, window=WINDOW) as found:
            async for page in found:
                pages.append(page)
                await each(page)
        return pages, await frontier.ask(Look())


async def nothing(_: Page) -> None:
    """A reader who is always ready."""


@on_stage()
async def test_a_host_rests_between_two_requests_and_never_has_two_at_once(system: System) -> None:
    web = Web(system, {"a": 0.1, "b": 0.5, "c": 2.0})
    pages, _ = await web.crawled(Manners(frozenset("abc"), pause=1.0, pages=200), nothing)
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
        pages, _ = await web.crawled(Manners(frozenset("a"), pause=0.0, pages=100), nothing)
        took.append(round(system.clock.now() - begin))
        assert len(pages) == 100
        assert web.mail <= 2
    assert took == [100, 1_000]


@on_stage()
async def test_a_reader_who_stops_reading_stops_the_crawl(system: System) -> None:
    hosts = {f"h{number}": 0.01 for number in range(20)}
    web = Web(system, hosts)
    ahead: list[int] = []

    async def long_pause(_: Page) -> None:
        await trio.sleep(1_000)
        ahead.append(web.fetched - len(ahead))
        assert most_mail(system) <= 2

    await web.crawled(Manners(frozenset(hosts), pause=0.0, pages=100), long_pause)
    assert max(ahead) <= 3 * WINDOW


@on_stage()
async def test_the_frontier_holds_what_it_may_and_counts_what_had_no_place(system: System) -> None:
    web = Web(system, {"a": 0.1}, links=500)
    waiting: list[int] = []

    async def look(_: Page) -> None:
        cells = system.router.cells.values()
        waiting.extend(cell.actor.waiting for cell in cells if isinstance(cell.actor, Frontier))

    pages, standing = await web.crawled(Manners(frozenset("a"), pause=0.0, pages=40, waiting=10), look)
    assert max(waiting) == 10
    assert len(pages) == standing.accepted == 40
    assert standing.left_out > 1_000


@on_stage()
async def test_a_link_to_a_foreign_host_is_not_followed(system: System) -> None:
    web = Web(system, {"a": 0.0, "b": 0.0})
    pages, _ = await web.crawled(Manners(frozenset("a"), pause=0.0, pages=10), nothing)
    assert {page.url[:9] for page in pages} == {"http://a/"}
    assert web.visits["b"] == []


@on_stage()
async def test_leaving_the_crawl_ends_what_is_being_fetched(system: System) -> None:
    left: list[str] = []

    async def slow(url: str) -> str:
        try:
            await trio.sleep_forever()
        finally:
            left.append(url)
        raise NotFetched("never")

    frontier = system.spawn(Spec(Frontier, (Manners(frozenset("ab")),)))
    await frontier.ask(Found(links=("http://a/1", "http://b/1")))
    async with crawl(frontier, slow).open(system):
        await settled()
        assert left == []
    assert sorted(left) == ["http://a/1", "http://b/1"]


def test_links_are_whole_addresses_each_once_without_fragments() -> None:
    text = "<a href='/x#top'>1</a><a href=../y>2</a><a href='/x'>3</a><a>4</a><b href=z><a href='http://o/'>"
    assert list(Links("http://h/d/e/", text).found) == ["http://h/x", "http://h/d/y", "http://o/"]


async def test_fetch_refuses_an_answer_that_is_none() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def rude(stream: trio.SocketStream) -> None:
        await stream.aclose()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, rude, listeners)
            with pytest.raises(NotFetched):
                await fetch("http://127.0.0.1:{1}/".format(*listeners[0].socket.getsockname()))
            nursery.cancel_scope.cancel()
