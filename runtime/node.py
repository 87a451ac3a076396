"""A node: one store, one system, one endpoint. The command line runs it, tests and samples embed it.

async with open_node(settings, patterns) as node:
    print(node.url)
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
import trio

from actors.address import Address, BadAddress
from runtime.clock import SystemClock
from runtime.config import Settings
from runtime.door.admin import BadQuery, Page, json_page, numbers, plain, with_pages
from runtime.door.aws.credentials import Credentials
from runtime.door.aws.door import AwsDoor
from runtime.door.http import Handler, Request, Response
from runtime.door.http_server import HttpServer, serve_http
from runtime.entropy import Entropy
from runtime.observe.metrics import CONTENT_TYPE, openmetrics
from runtime.observe.requests import traced
from runtime.observe.stuck import stuck
from runtime.observe.tracing import Exporter, TraceSample
from runtime.observe.tree import LINES_MAX, snapshot
from runtime.observe.why import why
from runtime.pattern import Pattern
from runtime.store import MemoryStore, SqliteStore
from runtime.store.port import Store, StoreBroken, StoreFull
from runtime.supervisor import DEPTH_MAX
from runtime.system import System

if TYPE_CHECKING:
    from runtime.faults.node import NodeFaults

LOOKED_THROUGH_MAX = 64 * 1024 * 1024
"""Bytes of a data folder's file that is looked through for damage at the start: 1 ms a MB. `callboard check` does so with any."""
log = structlog.get_logger("callboard.node")


@dataclass(slots=True)
class Node:
    """A running node."""

    system: System
    server: HttpServer
    url: str
    faults: "NodeFaults | None" = None
    """None unless they are allowed."""
    requests: int = 0
    draining: bool = False

    async def health(self) -> Response:
        if self.draining:
            return json_page({"status": "draining"}, 503)
        return json_page({"status": "ok", "writable": not self.system.commit.full})

    async def tree(self, query: str = "") -> Response:
        return json_page(snapshot(self.system, **numbers(query, lines=LINES_MAX, depth=DEPTH_MAX)))

    async def hot(self) -> Response:
        return json_page(self.system.sampling.look())

    async def stuck(self) -> Response:
        return json_page(stuck(self.system))

    async def why(self, query: str = "") -> Response:
        wanted = dict(parse_qsl(query))
        if wanted.keys() != {"address"}:
            raise BadQuery("the one parameter is address, such as ?address=/queue/1/2/orders")
        try:
            return json_page(why(self.system, Address(wanted["address"])))
        except BadAddress as wrong:
            raise BadQuery(str(wrong)) from None

    async def metrics(self) -> Response:
        injected = None if self.faults is None else self.faults.live.faults.counts
        text = await openmetrics(self.system, self.requests, self.server.connections, injected)
        return Response(200, text.encode(), [("Content-Type", CONTENT_TYPE)])

    async def followed(self, query: str = "") -> Response:
        """The newest spans; `?trace=` of one trace, `?address=` to one actor."""
        if self.system.tracing is None:
            return json_page({"error": "nothing is traced; start the node with --trace-sample 0.01"}, 404)
        wanted = dict(parse_qsl(query))
        if unknown := wanted.keys() - {"trace", "address"}:
            raise BadQuery(f"no parameter {min(unknown)}; there are trace, address")
        return json_page([span.as_json() for span in self.system.tracing.spans(**wanted)])

    async def reset(self) -> Response:
        try:
            await self.system.reset()
        except (StoreFull, StoreBroken) as error:
            return json_page({"error": f"not emptied: {error}"}, 503)
        return json_page({"status": "empty"})


def open_store(data: str | None, clock: SystemClock) -> Store:
    """The store of `data`, in memory if None."""
    return MemoryStore() if data is None else SqliteStore(data, clock.now)


@asynccontextmanager
async def open_node(
    settings: Settings,
    patterns: Sequence[Pattern],
    credentials: Credentials | None = None,
    exporter: Exporter | None = None,
) -> AsyncGenerator[Node]:
    """Serve `patterns` until the block is left; then doors close first, mail drains, and the store is closed last.

    `exporter`: where spans go besides, with `settings.trace_sample`. Raises OSError (port, folder), StoreInUse, StoreTooNew.
    """
    clock, entropy = SystemClock(), Entropy()
    rate = settings.trace_sample
    tracing = None if rate is None else TraceSample(rate, exporter=exporter)
    store = open_store(None if settings.data is None else str(settings.data), clock)
    faults = _faults(settings, clock, entropy)
    if faults is not None:
        store = faults.around(store)
    try:
        for line in await store.damage(LOOKED_THROUGH_MAX):
            log.error("store_damaged", data=str(settings.data), what=line, see="callboard check")
        clock.not_before(await store.latest())
        async with System(
            patterns=patterns,
            store=store,
            clock=clock,
            entropy=entropy,
            drain_grace=settings.drain,
            active_limit=settings.active_limit,
            tracing=tracing,
        ) as system:
            door = AwsDoor(
                [service for pattern in patterns for service in pattern.services],
                asks=system.router,
                clock=clock,
                entropy=entropy.stream("door"),
                account=settings.account,
                region=settings.region,
                credentials=credentials,
            )
            async with trio.open_nursery() as nursery:
                if faults is not None:
                    faults.connect(system, door, patterns)
                    nursery.start_soon(faults.live.run)
                node = await _listen(nursery, settings, clock, system, door, faults=faults)
                yield node
                node.draining = True
                if faults is not None:
                    faults.live.end()
                nursery.start_soon(node.server.drain, settings.drain)
                await trio.lowlevel.checkpoint()  # the drain has begun: who is answered now asks no more
                system.answer_waiting()
    finally:
        with trio.CancelScope(shield=True):  # closing takes no longer than a commit
            await store.aclose()


def _faults(settings: Settings, clock: SystemClock, entropy: Entropy) -> "NodeFaults | None":
    if not settings.allow_faults and settings.faults is None:
        return None
    from runtime.faults.node import NodeFaults  # noqa: PLC0415 -- 30 ms of a start, with YAML, that most nodes have no use for

    return NodeFaults(settings, clock, entropy.stream("faults"))


def url_of(host: str, port: int) -> str:
    """Where a client of this machine finds the node: an IPv6 address in brackets, loopback for "all addresses"."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- what a user may have chosen
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def _listen(
    nursery: trio.Nursery,
    settings: Settings,
    clock: SystemClock,
    system: System,
    door: Handler,
    *,
    faults: "NodeFaults | None",
) -> Node:
    pages: dict[tuple[str, str], Page] = {}
    followed = door if system.tracing is None else traced(door, system.tracing)
    handler = with_pages(pages, {} if faults is None else faults.pages, followed)
    node: Node

    async def counted(request: Request) -> Response:
        node.requests += 1
        return await handler(request)

    listen = partial(serve_http, counted, clock, settings.port, host=settings.host)
    server: HttpServer = await nursery.start(listen)
    node = Node(system, server, url_of(settings.host, server.port), faults)
    pages["GET", "/_callboard/health"] = plain(node.health)
    pages["GET", "/_callboard/tree"] = node.tree
    pages["GET", "/_callboard/hot"] = plain(node.hot)
    pages["GET", "/_callboard/stuck"] = plain(node.stuck)
    pages["GET", "/_callboard/why"] = node.why
    pages["GET", "/_callboard/trace"] = node.followed
    pages["GET", "/metrics"] = plain(node.metrics)
    if settings.allow_reset:
        pages["POST", "/_callboard/reset"] = plain(node.reset)
    return node
