"""The frontier of a crawl: pages that are known and not yet fetched, given out only when asked for, host by host."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from actors import Actor, Deferred, Message, receive

VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Manners:
    """What a crawl may do. Whoever writes to other people's machines decides this first."""

    hosts: frozenset[str]
    """As `127.0.0.1:8080`; a link that leads elsewhere is not followed."""
    pause: float = 1.0
    """Seconds between the end of one request to a host and the next one to it; never two at a time."""
    pages: int = 1_000
    """Pages that the whole crawl asks for; so many addresses are remembered."""
    waiting: int = 100
    """Addresses that may wait to be fetched."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a crawl stands."""

    accepted: int
    waiting: int
    left_out: int
    """Links that had no place: the frontier, or the crawl, was full."""


class Found(Message[None]):
    """Links: the first ones, to begin with."""

    links: tuple[str, ...]


class Take(Message[list[str]]):
    """Up to `count` pages to fetch now, each of another host that is at rest. Answered when there is one; empty is the end."""

    count: int


class Visited(Message[None]):
    """A page that was taken has been fetched, or could not be; its host may rest."""

    url: str
    links: tuple[str, ...]


class Rested(Message[None]):
    host: str


class Look(Message[Standing]):
    pass


FrontierMessage = Found | Take | Visited | Rested | Look


@dataclass(slots=True)
class Host:
    waiting: deque[str] = field(default_factory=deque[str])
    free: bool = True


class Frontier(Actor[FrontierMessage]):
    """It is told what was found, and decides what is fetched; it fetches nothing and so never waits."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.seen: set[str] = set()
        self.hosts = {name: Host() for name in sorted(manners.hosts)}
        self.under_way = 0
        self.left_out = 0

    @receive(Found)
    def on_found(self, message: Found) -> None:
        self.add(message.links)
        self.give_out()

    @receive(Take)
    def on_take(self, message: Take) -> list[str] | Deferred[list[str]]:
        ready = self.ready(message.count)
        return ready if ready or self.over else self.ctx.defer(VISITOR)

    @receive(Visited)
    def on_visited(self, message: Visited) -> None:
        self.under_way -= 1
        self.add(message.links)
        host = urlsplit(message.url).netloc
        self.ctx.timer(host, self.manners.pause, Rested(host=host))
        self.give_out()

    @receive(Rested)
    def on_rested(self, message: Rested) -> None:
        self.hosts[message.host].free = True
        self.give_out()

    @receive(Look)
    def on_look(self, _: Look) -> Standing:
        return Standing(len(self.seen), self.waiting, self.left_out)

    @property
    def waiting(self) -> int:
        return sum(len(host.waiting) for host in self.hosts.values())

    @property
    def over(self) -> bool:
        return not self.under_way and not self.waiting

    def add(self, links: Iterable[str]) -> None:
        """What has no place is left out: a crawl is a loop, and who waits in a loop for room waits for himself."""
        for link in links:
            host = self.hosts.get(urlsplit(link).netloc)
            if host is None or link in self.seen:
                continue
            if len(self.seen) < self.manners.pages and self.waiting < self.manners.waiting:
                self.seen.add(link)
                host.waiting.append(link)
            else:
                self.left_out += 1

    def ready(self, count: int) -> list[str]:
        """The next page of each host that is at rest."""
        taken: list[str] = []
        for name, host in list(self.hosts.items()):
            if len(taken) < count and host.free and host.waiting:
                taken.append(host.waiting.popleft())
                host.free = False
                self.hosts[name] = self.hosts.pop(name)  # to the end: the others come first next time
        self.under_way += len(taken)
        return taken

    def give_out(self) -> None:
        """Somebody may wait for this."""
        asked: Take | None = self.ctx.deferred.get(VISITOR)
        if asked is None:
            return
        ready = self.ready(asked.count)
        if ready or self.over:
            self.ctx.resolve(VISITOR, ready)
