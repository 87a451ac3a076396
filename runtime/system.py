"""A system: the supervision tree's root, and the rooms that its actors share.

    async with System() as system:
        counter = system.spawn(Spec(Counter))
        await counter.ask(Add(amount=1))

Leaving the block means that every actor has ended, its cleanup run, nothing leaked. Order of the end: quiesce
(asks and tells from outside are refused), drain (mail, held outputs and pipes, within a grace; deferred askers
get what their deadline would give them), cancel (children before parents, in reverse start order).
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import outcome
import structlog
import trio

from actors.actor import Spec, StopReason, need_spec
from actors.address import Address
from actors.durable import Woken
from actors.errors import StartFailed
from actors.ref import Ref
from actors.supervision import Intensity
from runtime.boundary import Boundary
from runtime.by_address import ByAddress
from runtime.cell import STARTING, Cell
from runtime.clock import Clock, SystemClock
from runtime.entropy import Entropy
from runtime.envelope import Envelope, Ticket
from runtime.events import Events
from runtime.groups import Groups
from runtime.kinds import Kinds
from runtime.leaving import ctrl_c_alone, first_crash
from runtime.observe import logs
from runtime.observe.fingerprints import Fingerprints
from runtime.observe.sampling import Sampling
from runtime.observe.traced import traced_kinds
from runtime.observe.tracing import TraceSample, Tracing
from runtime.outputs import Tell
from runtime.own_turn import OwnTurn
from runtime.passivation import ACTIVE_LIMIT, Passivation
from runtime.pattern import Factory, Pattern
from runtime.reach import Reach
from runtime.registry import Registry
from runtime.rooms import Gone, Rooms
from runtime.router import SPEAKER
from runtime.run_queue import Schedule
from runtime.store import MemoryStore
from runtime.store.port import Store
from runtime.supervisor import Supervisor
from runtime.trace import Trace
from runtime.under_way import UnderWay
from runtime.waits import awaited_end
from runtime.waking import Waking
from runtime.watchdog import SLOW_TURN, Watchdog
from runtime.watching import Watches
from runtime.workers import MachineWorkers, Workers

M = TypeVar("M")
log = structlog.get_logger("callboard.system")

DRAIN_GRACE = 10.0
"""Seconds that mail, held outputs and pipes have to end in an orderly stop."""


class System:
    """The root of the tree, and what all its actors share; by default one that lives on the machine's clock and keeps nothing.

    `patterns` say who lives at which addresses. `store` keeps durable actors (a MemoryStore, unless given); who opened it
    closes it. `clock` and `entropy` are time and chance: virtual and seeded ones make a test that repeats. `intensity`
    bounds the restarts below the root; at the end mail has `drain_grace` seconds. An escalation past the root leaves the
    block as an ExceptionGroup, a Ctrl-C as KeyboardInterrupt alone; nurseries of the program's own around the block group
    it: `except* KeyboardInterrupt`. `active_limit`: above so many actors that live since somebody has written to their address,
    those go that nobody has used for longest, if they may; `idle_after=None` never goes and is not counted. `slow_turn`:
    seconds that a turn may hold the loop without awaiting before it is logged with its stack, None for never; not in
    virtual time. `tracing`: the share of messages that is followed. `check_messages`: a message that is changed on its way
    fails the system with MessageMutated, which costs several microseconds a message; what an actor does by its context
    outside its turn is WrongTask there, which fails it too. `workers`, `schedule` and `trace` are the lab's.
    """

    _nursery: trio.Nursery

    def __init__(  # noqa: PLR0915 -- a room a line
        self,
        *,
        patterns: Sequence[Pattern] = (),
        store: Store | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        intensity: Intensity | None = None,
        drain_grace: float = DRAIN_GRACE,
        active_limit: int = ACTIVE_LIMIT,
        workers: Workers | None = None,
        slow_turn: float | None = SLOW_TURN,
        schedule: Schedule | None = None,
        trace: Trace | None = None,
        tracing: TraceSample | None = None,
        check_messages: bool = False,
    ) -> None:
        logs.configure_unless_done()
        self.clock = clock or SystemClock()
        self.entropy = entropy or Entropy()
        self.store: Store = store or MemoryStore()
        self.trace = trace
        self.tracing = (
            None if tracing is None else Tracing(tracing, self.clock.now, self.entropy.stream("tracing"))
        )
        """The messages that were sampled, if any are."""
        kinds = Kinds() if self.tracing is None else traced_kinds(self.tracing)
        self.letters = kinds.letters(self.clock.now)
        self.router = kinds.router(self.letters)
        self.reach = self.router.reach = Reach(self.router)
        self.timers = kinds.timers(self.clock)
        self._waking = Waking(self.timers, self._wake)
        self.commit = kinds.commit(self.store, trace, _discard, self._waking.at)
        self.dispatcher = kinds.dispatcher(
            self.commit,
            self.timers,
            trace,
            schedule,
            self._lost,
            now=self.clock.now,
        )
        self.router.connect(self.dispatcher, self._activate, self._serves)
        prints = Fingerprints(self._fail) if check_messages else None
        if prints is not None:
            prints.follow(self.router, self.dispatcher)
        self.sampling = Sampling(self.dispatcher, self.clock, self.entropy.stream("sampling"))
        self.watches = Watches(self.router)
        self.workers = workers or MachineWorkers()
        self.watchdog = _watchdog(self.clock, slow_turn)
        self._under_way = UnderWay()
        self.rooms = Rooms(
            self.clock,
            self.entropy.stream("actors"),
            self.router,
            self.timers,
            self.commit,
            self.store,
            trace,
            self._under_way,
            self.watches,
            self.workers,
            Tell if prints is None else prints.tell,
            partial(OwnTurn, self._fail) if check_messages else None,
        )
        self.root = Supervisor(
            "/", self.rooms, self.dispatcher, intensity=intensity or Intensity(), give_up=self._fail
        )
        self.prefixes: dict[str, ByAddress] = {}
        self._factories: dict[str, Factory] = {}
        self._passivation = Passivation(self.timers, self.clock.now, _passivate, active_limit)
        self._serve(patterns)
        self._drain_grace = drain_grace
        self._failures: list[Exception] = []
        self._resetting = trio.Lock()
        self._entered = False
        self._closing = False
        """Nobody is activated any more."""
        self._committing = trio.CancelScope(shield=True)
        self._stack = AsyncExitStack()

    def _serve(self, patterns: Sequence[Pattern]) -> None:
        for pattern in patterns:
            for prefix, factory in pattern.factories.items():
                self._factories[prefix] = factory
                self.prefixes[prefix] = ByAddress(
                    f"/{prefix}",
                    self.rooms,
                    self.dispatcher,
                    self._fail,
                    come=self._passivation.watch,
                    gone=self._gone,
                )

    # --- what a program does with it -------------------------------------------------------------------

    def spawn(self, spec: Spec[M]) -> Ref[M]:
        """Start an actor below the root. The ref may be used at once: mail waits until it is up.

        Before the system is entered the actor waits for that: a test's fixture may spawn. Raises NameTaken, BadSpec,
        and Stopping once the system shuts down.
        """
        need_spec(spec)
        if self._entered and SPEAKER.get() is None:
            self.router.check_accepting()
        return Ref(self.root.start_child(spec), self.router)

    def ref(self, address: Address) -> Ref[Any]:
        """Whoever lives at `address`, or will when somebody writes there. Any message passes the type checkers."""
        return Ref(address, self.router)

    @property
    def events(self) -> Events:
        """The event stream."""
        return self.reach.events

    @property
    def registry(self) -> Registry:
        """Actors by typed key."""
        return self.reach.registry

    @property
    def groups(self) -> Groups:
        """Actors that have joined a name."""
        return self.reach.groups

    @property
    def gone(self) -> Gone:
        """What actors that have ended had counted."""
        return self.rooms.gone

    @property
    def idle(self) -> bool:
        """Nothing is under way: no turn, no commit, no pipe, no mail for an actor that is not up yet."""
        return self.dispatcher.idle and self.commit.idle and self._under_way.nothing

    async def stop(self, ref: Ref[Any]) -> None:
        """Stop an actor and wait until it has ended; nobody there: nothing happens.

        Raises MailboxCycle in a turn of that actor, or of one below it: the end waits for that turn. `ctx.stop` does not wait.
        """
        cell = self.router.cells.get(ref.address)
        if cell is not None:
            parent, speaker = cell.parent, SPEAKER.get()
            assert isinstance(parent, Supervisor)
            with nullcontext() if speaker is None else awaited_end(speaker.cell, cell):
                await parent.stop_and_wait(cell, StopReason.STOP)

    async def reset(self) -> None:
        """Empty the node: all actors that were activated by their address end, and the store is emptied.

        Raises StoreFull, StoreBroken: the actors have ended, and are activated again from what is kept.
        """
        async with self._resetting:
            self._closing = True
            try:
                while any(supervisor.children for supervisor in self.prefixes.values()):
                    for supervisor in self.prefixes.values():
                        await supervisor.end_children(StopReason.STOP)
                await self.commit.quiet()
                await self.store.reset()
                self._waking.forget()  # not before: a store that refuses keeps its times
            finally:
                self._closing = not self.router.accepting

    def _lost(self, cell: Cell, envelope: Envelope, reason: str) -> None:
        self.letters.add(cell.address, envelope, reason, cell.crash if reason == "crashed" else None)

    def answer_waiting(self) -> None:
        """Give deferred askers now what their deadline would give them: a node that stops does not wait for long polls."""
        for cell in list(self.router.cells.values()):
            _answer_deferred(cell)

    # --- life ------------------------------------------------------------------------------------------

    # A Ctrl-C half way through either would leave Trio's nursery open behind us; it is kept until the next wait.
    @trio.lowlevel.enable_ki_protection
    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a System is entered once: make another one")
        if not trio.lowlevel.in_trio_run():
            raise RuntimeError("Callboard runs on Trio: trio.run(main), not asyncio.run")
        self._entered = self.router.accepting = True
        self._nursery = await self._stack.enter_async_context(trio.open_nursery())
        self._stack.push_async_exit(self._wind_up)
        if self.watchdog is not None:
            self.watchdog.start()
            self._stack.callback(self.watchdog.close)
        self._nursery.start_soon(self._commit)
        for work in (self.timers.run, self.dispatcher.run, self.root.run):
            self._nursery.start_soon(work)
        for supervisor in self.prefixes.values():
            self._nursery.start_soon(supervisor.run)
        try:
            await self._waking.start(self.store)
        except BaseException as error:
            await self._leave_at_once(error)
            raise
        return self

    async def _leave_at_once(self, error: BaseException) -> None:
        """Entering has failed, or was cancelled: nobody else leaves for whoever never got in."""
        try:
            await self._stack.__aexit__(type(error), error, error.__traceback__)
        except BaseExceptionGroup as group:  # the nursery's; it brings the error back
            if group.split(lambda one: one is error)[1] is not None:
                raise
        finally:
            self._refuse("the system has ended")

    @trio.lowlevel.enable_ki_protection
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        swallowed = False
        try:
            swallowed = await self._stack.__aexit__(kind, error, trace) or False
        except BaseExceptionGroup as group:
            if cause := first_crash(group) or (None if self._failures else ctrl_c_alone(group)):
                raise cause from None
            if not self._failures or not isinstance(group, ExceptionGroup):
                raise
        finally:
            self._refuse("the system has ended")
        if self._failures:
            raise ExceptionGroup("the system has failed", self._failures)
        return swallowed

    async def _wind_up(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End all actors; whatever comes up here, a second Ctrl-C too, the nursery is left behind it."""
        try:
            if error is None and not self._failures:
                with trio.CancelScope(shield=True):  # its phases have deadlines of their own
                    await self._stop()
            elif not (self.trace is not None and self.trace.dead):
                self._cut_starts()
                await self._cut()
        finally:
            self._nursery.cancel_scope.cancel()
            self._committing.cancel()
            with trio.CancelScope(shield=True):  # a process is killed: that takes no time
                await self.workers.aclose()

    async def _commit(self) -> None:
        # whoever cancels the system, or fails it: actors that end still wait for what they have staged
        with self._committing:
            await self.commit.run()

    async def _stop(self) -> None:
        self._refuse("the system is shutting down")
        with trio.move_on_after(self._drain_grace) as grace:
            self._nursery.start_soon(_cut_with, grace)
            await self._drained()
        if grace.cancelled_caught:
            log.warning("drain_cut", grace=self._drain_grace)
        await self._cut()

    async def _drained(self) -> None:
        self.answer_waiting()
        while not self.idle:
            await self.dispatcher.quiet()
            await self.commit.quiet()
            if not self._under_way.nothing:
                await self._under_way.changed()

    async def _cut(self) -> None:
        self._refuse("the system is shutting down")
        self._closing = True
        with trio.CancelScope(shield=True):
            for supervisor in (*self.prefixes.values(), self.root):
                await supervisor.close(StopReason.SHUTDOWN)

    def _cut_starts(self) -> None:
        """Nobody waits for who is not up yet: a turn has its grace, a `started` has none."""
        for cell in self.router.cells.values():
            if cell.status is STARTING:
                cell.cancel_turn()

    def _refuse(self, why_not: str) -> None:
        self.router.accepting = False
        self.router.why_not = why_not

    def _fail(self, error: Exception) -> None:
        self._failures.append(error)
        self._nursery.cancel_scope.cancel()

    # --- activation ------------------------------------------------------------------------------------

    def _wake(self, address: Address, ticket: Ticket) -> bool:
        try:
            cell = self.router.live(address)
        except StartFailed:  # it is backing off
            return False
        if cell is None:
            return False
        if cell.end_reason is not StopReason.IDLE:  # else it is woken anew when it has gone
            self.router.post(cell, Woken(), ticket)
        return True

    def _gone(self, cell: Cell) -> None:
        self._passivation.forget(cell)
        if cell.end_reason is StopReason.IDLE:
            self._waking.passivated(cell.address)

    def _serves(self, address: Address) -> bool:
        """Whether somebody lives there, or would if he were written to."""
        if address in self.router.cells:
            return True
        factory = self._factories.get(address.split("/", 2)[1])
        spec = None
        with Boundary():
            spec = None if factory is None else factory(address)
        return spec is not None

    def _activate(self, address: Address) -> Cell | None:
        prefix = address.split("/", 2)[1]
        factory = self._factories.get(prefix)
        if factory is None:
            return None
        if self._closing:
            raise StartFailed(f"{address}: the system is stopping, or being emptied")
        spec = None
        with Boundary() as boundary:
            spec = factory(address)
            if spec is not None:
                need_spec(spec)
        if boundary.error is not None:
            raise StartFailed(f"{address}: its factory failed") from boundary.error
        if spec is None:
            return None
        return self.prefixes[prefix].activate(address, spec)


def _watchdog(clock: Clock, limit: float | None) -> Watchdog | None:
    return Watchdog(limit, clock.now) if limit is not None and isinstance(clock, SystemClock) else None


async def _cut_with(grace: trio.CancelScope) -> None:
    """Whoever cancels the system cancels its pumps: there is nothing left to drain."""
    try:
        await trio.sleep_forever()
    finally:
        grace.cancel()


def _discard(cell: Cell, error: Exception) -> None:
    cell.parent.discarded(cell, error)


def _passivate(cell: Cell) -> None:
    parent = cell.parent
    assert isinstance(parent, ByAddress)
    parent.passivate(cell)


def _answer_deferred(cell: Cell) -> None:
    """An orderly stop gives deferred askers what their deadline would; who has none waits for the end."""
    for key, waiting in list((cell.deferred or {}).items()):
        if waiting.deadline is not None and cell.deferred is not None:
            waiting.deadline.cancelled = True
            del cell.deferred[key]
            waiting.pending.settle(outcome.Value(waiting.on_deadline))
