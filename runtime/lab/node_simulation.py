"""A whole node with its AWS door, and real clients, in one simulation: one thread, virtual time, one seed.

    def consumer(name):                       # as it is in production
        sqs = boto3.client("sqs")
        ...

    async def program(node: SimulatedNode) -> None:
        await node.client(consumer, "orders")

    run = simulate_node(program, seed=7, patterns=[pattern], crash_at=120)

The node can lose its power and comes back with its disk, while clients go on, retries and back-offs included. A client can
be crashed at each of its own effects. Needs the extra `callboard[lab]`.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import trio
from typing_extensions import override

from runtime.clock import VirtualClock
from runtime.door.aws.door import AwsDoor
from runtime.door.http_server import HttpServer
from runtime.entropy import Entropy
from runtime.lab.botocore_ties import environment, tied
from runtime.lab.determinism import fixed_task_order
from runtime.lab.door_faults import CONNECTION, DoorFaults
from runtime.lab.drawn_schedule import DrawnSchedule
from runtime.lab.greenlets import Client
from runtime.lab.guard import Guard
from runtime.lab.network import End, Network
from runtime.lab.simulation import START, Run, disk_time
from runtime.lab.stuck import Stuck
from runtime.leaving import alone
from runtime.pattern import Pattern
from runtime.store import Disk, MemoryStore
from runtime.system import System
from runtime.trace import NodeCrashed, Trace
from runtime.workers import InlineWorkers

T = TypeVar("T")

PORT = 4566
HOSTS = ("localhost", "127.0.0.1", "::1", "callboard")
REGION, ACCOUNT = "us-east-1", "000000000000"
GRACE = 10.0
"""Seconds that requests under way have at an orderly end."""

Program = Callable[["SimulatedNode"], Awaitable[Any]]


class _Life(Trace):
    """The effects of one incarnation of the node, numbered among all of the run's."""

    def __init__(self, node: "SimulatedNode", run: Trace, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._node = node
        self._run = run

    @override
    def record(self, kind: str, address: str, number: int, what: str = "") -> None:
        if self.dead:
            raise NodeCrashed
        try:
            self._run.record(kind, address, number, what)
        except NodeCrashed:
            self._run.dead = False  # others live on
            self._node.kill()
            raise


class SimulatedNode:
    """What a program holds: the node, its clients, and what can go wrong between them."""

    url = f"http://localhost:{PORT}"
    """Where clients find it; those that name no endpoint do so by `AWS_ENDPOINT_URL`."""

    def __init__(
        self, entropy: Entropy, clock: VirtualClock, trace: Trace, disk: Disk, patterns: Sequence[Pattern]
    ) -> None:
        self.clock = clock
        self.disk = disk
        self.network = Network(entropy.stream("network"))
        self.door = DoorFaults()
        self.guard = Guard(clock, entropy, self.network)
        self.restart_after: float | None = 1.0
        """Seconds from a power cut to the next start; None: it stays down until `restart`."""
        self.crashes = 0
        self.effects: dict[str, int] = {}
        """Effects of each client that has ended, by its name."""
        self._patterns = patterns
        self._entropy = entropy
        self._trace = trace
        self._system: System | None = None
        self._server: HttpServer | None = None
        self._nursery: trio.Nursery | None = None
        self._life: _Life | None = None
        self._scope = trio.CancelScope()
        self._up = trio.Event()
        self._restarting = trio.Event()
        self._stopping = trio.Event()
        self._clients = 0
        for host in HOSTS:
            self.network.listen(host, PORT, self._accept)

    # --- for programs ----------------------------------------------------------------------------------

    @property
    def system(self) -> System:
        """The system of the node that is up. Raises RuntimeError while none is."""
        if self._system is None:
            raise RuntimeError("the node is down")
        return self._system

    async def client(
        self,
        function: Callable[..., T],
        *arguments: Any,
        name: str | None = None,
        crash_at: int | None = None,
    ) -> T:
        """Run blocking code as a client: what `function(*arguments)` returns. It may be cancelled like any task.

        `crash_at` kills it at the n-th of its effects (connects, sends, receives, sleeps, waits), before it happens: then
        ClientCrashed is raised, and what it was connected to is told so by the network. boto3's clients are made
        inside: what one that was made before the run has taken of the machine it keeps.
        """
        self._clients += 1
        origin: Any = getattr(function, "func", function)
        client = Client(name or f"{origin.__name__}-{self._clients}", self._note, crash_at)
        self.guard.reach(origin.__module__.partition(".")[0])
        try:
            return await client.run(function, *arguments)
        finally:
            self.effects[client.name] = client.effects

    def kill(self) -> None:
        """Cut the node's power now: memory and what was not synced are gone, its connections are reset."""
        if self._life is None or self._life.dead:
            return
        self._life.dead = True
        self.crashes += 1
        self.network.reset_all()
        self._scope.cancel()

    def restart(self) -> None:
        """Start the node that is down, without waiting for `restart_after`."""
        self._restarting.set()

    async def up(self) -> None:
        """Return when the node serves."""
        await self._up.wait()

    def _note(self, kind: str, client: str, number: int, what: str) -> None:
        try:
            self._trace.record(kind, client, number, what)
        except NodeCrashed:
            self._trace.dead = False
            self.kill()

    # --- its lives -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until `stop`, over all power cuts."""
        while not self._stopping.is_set():
            self._scope = trio.CancelScope()
            life = self._life = _Life(self, self._trace, self.clock.now)
            with self._scope, suppress(NodeCrashed):  # `kill` knows
                await self._live(life)
            self._system = self._server = self._nursery = None
            self._up = trio.Event()
            if life.dead:
                self.disk.crash()
                await self._down()

    async def stop(self) -> None:
        """End it in order; returns when requests under way have been answered."""
        self._stopping.set()
        self._restarting.set()

    async def _down(self) -> None:
        self._restarting = trio.Event()
        if self._stopping.is_set():
            return
        with trio.move_on_after(math.inf if self.restart_after is None else self.restart_after):
            await self._restarting.wait()

    async def _live(self, life: _Life) -> None:
        entropy = self._entropy.stream(f"node/{self.crashes}")
        store = MemoryStore(self.disk, clock=self.clock.now, commit_time=disk_time(entropy.stream("disk")))
        async with System(
            patterns=self._patterns,
            store=store,
            clock=self.clock,
            entropy=entropy,
            schedule=DrawnSchedule(entropy.stream("schedule")),
            trace=life,
            workers=InlineWorkers(),
            check_messages=True,
        ) as system:
            door = AwsDoor(
                [self.door.around(service) for pattern in self._patterns for service in pattern.services],
                asks=system.router,
                clock=self.clock,
                entropy=entropy.stream("door"),
                account=ACCOUNT,
                region=REGION,
            )
            async with trio.open_nursery() as nursery:
                server = await nursery.start(HttpServer(door, self.clock).run)
                self._system, self._server, self._nursery = system, server, nursery
                self._up.set()
                await self._stopping.wait()
                nursery.start_soon(server.drain, GRACE)
                await trio.lowlevel.checkpoint()  # the drain has begun: who is answered now asks no more
                system.answer_waiting()

    def _accept(self, end: End) -> None:
        if self._server is None or self._nursery is None or self._life is None or self._life.dead:
            raise ConnectionRefusedError("the node is down")
        self._nursery.start_soon(self._serve, self._server, end)

    @staticmethod
    async def _serve(server: HttpServer, end: End) -> None:
        CONNECTION.set(end)
        await server.serve_connection(end)


def simulate_node(
    program: Program,
    *,
    seed: int,
    patterns: Sequence[Pattern] = (),
    disk: Disk | None = None,
    crash_at: int | None = None,
    start: float = START,
    keep_trace: bool = False,
    trace_into: list[str] | None = None,
) -> Run:
    """Run `program(node)` to its end, with a node that serves. Raises what the program raises, Stuck and Uncontrolled.

    As `simulate`; but `crash_at` cuts the node's power alone, at the n-th effect of the run, be it the node's or a client's,
    and the node comes back on its disk. One run at a time in a process: while it lasts, the names of the standard library
    that lead to time, chance and sockets are the run's.
    """
    clock = VirtualClock(start, autojump=True)
    trace = Trace(clock.now, crash_at=crash_at, keep=keep_trace)
    if trace_into is not None:
        trace.lines = trace_into
    node = SimulatedNode(Entropy(seed), clock, trace, disk if disk is not None else Disk(), patterns)
    found: list[Any] = []

    async def main() -> None:
        with (
            trio.CancelScope() as scope,
            node.guard.holding(),
            tied(node.guard, environment(node.url, REGION)),
        ):
            clock.stuck = scope.cancel
            async with trio.open_nursery() as nursery:
                nursery.start_soon(node.run)
                await node.up()
                found.append(await program(node))
                await node.stop()
            return
        raise Stuck("nothing can run and no timer is set")

    with fixed_task_order(seed):
        try:
            trio.run(main, clock=clock)
        except BaseException as error:
            if node.guard.broken is not None:
                raise node.guard.broken from None
            only = alone(error)
            if only is error:
                raise
            raise only from only.__cause__
    if node.guard.broken is not None:
        raise node.guard.broken
    return Run(
        found[0],
        trace.digest(),
        trace.steps,
        node.crashes > 0,
        clock.current_time(),
        trace.lines or [],
        plan=[],
        error=None,
    )
