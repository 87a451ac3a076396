"""The frontier of a crawl: pages that are known and not yet fetched, given out only when asked for, host by host."""

from collections import deque
from collections.abc import Iterable
from urllib.parse import urlsplit

from actors import Actor, Deferred, Message, receive


class Take(Message[list[str]]):
    """Up to `count` pages to fetch now, each of another host that is at rest. Answered when there is one; empty is the end."""

    count: int


class Visited(Message[int]):
    """A page that was taken has been fetched, or could not be; its host may rest. Answers how many links had no place."""

    url: str
    links: tuple[str, ...]


class Rested(Message[None]):
    host: str


class Frontier(Actor[Take | Visited | Rested]):
    """It is told what was found, and decides what is fetched; it fetches nothing and so never waits.

    A link that leads to none of the `hosts` (`127.0.0.1:8080`) is not followed. A host has one request at a time, and
    rests `pause` seconds behind it. The whole crawl has `most` pages: so many addresses are remembered.
    """

    def __init__(self, hosts: list[str], urls: list[str], pause: float = 1.0, most: int = 1_000) -> None:
        self.waiting = {host: deque[str]() for host in hosts}
        self.busy: set[str] = set()  # hosts that are asked for a page, or have not rested since
        self.seen: set[str] = set()
        self.pause, self.most = pause, most
        self.add(urls)

    @receive(Take)
    def on_take(self, message: Take) -> list[str] | Deferred[list[str]]:
        ready = self.ready(message.count)
        return self.ctx.defer("visitor") if ready is None else ready

    @receive(Visited)
    def on_visited(self, message: Visited) -> int:
        left_out = self.add(message.links)
        host = urlsplit(message.url).netloc
        self.ctx.timer(host, self.pause, Rested(host=host))
        self.give_out()
        return left_out

    @receive(Rested)
    def on_rested(self, message: Rested) -> None:
        self.busy.remove(message.host)
        self.give_out()

    def add(self, links: Iterable[str]) -> int:
        """What has no place is left out: a crawl is a loop, and who waits in a loop for room waits for himself."""
        new = [link for link in links if urlsplit(link).netloc in self.waiting and link not in self.seen]
        room = self.most - len(self.seen)
        for link in new[:room]:
            self.seen.add(link)
            self.waiting[urlsplit(link).netloc].append(link)
        return len(new[room:])

    def ready(self, count: int) -> list[str] | None:
        """The next page of each host that is at rest; None: there may be some later, a busy host's page has links."""
        hosts = [host for host, urls in self.waiting.items() if urls and host not in self.busy][:count]
        if not hosts and self.busy:
            return None
        self.busy.update(hosts)
        for host in hosts:
            self.waiting[host] = self.waiting.pop(host)  # to the end: the others come first next time
        return [self.waiting[host].popleft() for host in hosts]

    def give_out(self) -> None:
        """Somebody may wait for this."""
        asked: Take | None = self.ctx.deferred.get("visitor")
        if asked and (ready := self.ready(asked.count)) is not None:
            self.ctx.resolve("visitor", ready)
