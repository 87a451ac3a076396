"""The faults of a run: a running node's rules (`runtime/faults/rule.py`), and what only a simulation can do besides.

    lossy = Rule(name="gap", match=Match(at="effect", kind="reply"), gate=Gate(rate=0.1), effect=Effect(crash=True))
    run = simulate(program, seed=7, faults=[lossy])

Each rule draws from a stream of its own. Each fault that happens has a causal name, `/orders : gap at reply 3`, and with these
names alone (`Choices(..., faults=run.faults)`) it happens again where its rule would draw otherwise: so a replay needs
no rates, and a shrinker can leave out one after the other.
"""

import errno
from collections import Counter
from collections.abc import Sequence

from typing_extensions import override

from actors.address import Address
from runtime.entropy import Entropy
from runtime.faults.actors import EffectSeam, StartSeam, TurnSeam
from runtime.faults.disk import DiskSeam
from runtime.faults.engine import Facts, Faults, Injected, Standing
from runtime.faults.rule import Effect, FaultFile, Rule, Seam
from runtime.lab.choices import Choices
from runtime.lab.wrong_clock import WrongClock
from runtime.store import Disk, MemoryStore
from runtime.store.disk import DiskFaults
from runtime.store.port import Batch, Outcome
from runtime.system import System
from runtime.trace import Trace

LAB_SEAMS: frozenset[Seam] = frozenset({"effect", "turn", "start", "disk"})
"""Where a run without doors has faults."""


class RunFaults(Faults):
    """The rules of one run; armed from its start until `heal`. Raises ValueError for a rule at a door: there is none."""

    def __init__(
        self, rules: Sequence[Rule], choices: Choices, clock: WrongClock, disk: Disk, entropy: Entropy
    ) -> None:
        super().__init__(clock.now, entropy)
        for rule in rules:
            if rule.match.at not in LAB_SEAMS:
                raise ValueError(
                    f"{rule.name}: this run has no {rule.match.at}; it has {', '.join(sorted(LAB_SEAMS))}"
                )
        self.clock = clock
        self.disk = disk
        self._choices = choices
        self._trace: Trace | None = None
        self._met: Counter[tuple[str, str]] = Counter()
        self.put(FaultFile(faults=tuple(rules)), armed=True)

    def around(self, store: MemoryStore) -> "RunDisk":
        """The store that the run's system is to be on."""
        seam = RunDisk(store, self)
        seam.install()
        return seam

    def connect(self, system: System) -> None:
        """To the run's system, before it is entered."""
        self._trace = system.trace
        seams = {rule.rule.match.at for rule in self.rules.values()}
        if "effect" in seams:
            RunEffects(system, self).install()
        if "turn" in seams:
            TurnSeam(system.router, self).install()
        if "start" in seams:
            StartSeam(system, self).install()

    def heal(self) -> None:
        """All faults end, for good."""
        self.off()
        self.clock.right()
        faults = self.disk.faults
        if faults.stalled is not None:
            faults.stalled.set()
        self.disk.faults = DiskFaults(crash_at=faults.crash_at, on_crash=faults.on_crash)

    @override
    def _takes(self, standing: Standing, facts: Facts, target: str, now: float) -> bool:
        name = standing.rule.name
        self._met[target, name] += 1
        actor, _, what = target.partition(" ")
        drawn = super()._takes(standing, facts, target, now)
        return self._choices.happens(f"{actor} : {name} at {what} {self._met[target, name]}", drawn=drawn)

    @override
    def _note(self, injected: Injected) -> None:
        if self._trace is not None:
            self._trace.note(
                "fault", injected.target.partition(" ")[0], f"{injected.rule}: {injected.effect}"
            )


class RunEffects(EffectSeam):
    """At an effect of an actor the whole node may stand still, and its wall clock be set."""

    def __init__(self, system: System, faults: RunFaults) -> None:
        super().__init__(system, faults)
        self._clock = faults.clock

    @override
    def happen(self, effect: Effect, text: str) -> None:
        if effect.pause is not None:
            self._clock.pause(effect.pause)
        elif effect.jump is not None:
            self._clock.jump(effect.jump)
        elif effect.drift is not None:
            self._clock.drift(effect.drift)
        else:
            super().happen(effect, text)


class RunDisk(DiskSeam):
    """The seam at a run's store: an fsync may fail, a sector not be read."""

    def __init__(self, store: MemoryStore, faults: RunFaults) -> None:
        super().__init__(store, lambda: faults)
        self._run = faults

    @override
    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        before = self._run.disk.faults.fsync_error
        try:
            return await super().commit(batches)
        finally:
            self._run.disk.faults.fsync_error = before  # the next look opens the file anew

    @override
    def _meet(self, batch: Batch) -> list[Effect]:
        found = super()._meet(batch)
        for effect in found:
            if effect.fsync_error is not None:
                self._run.disk.faults.fsync_error = effect.fsync_error
        return found

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        self._look(actor, "get")
        return await self._store.get(actor, keys)

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        self._look(actor, "scan")
        return await self._store.scan(actor, prefix, after, limit)

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        self._look(actor, "records")
        return await self._store.records(actor, log, first, limit)

    def _look(self, actor: Address, what: str) -> None:
        if self._run.meet("disk", {"actor": actor}, f"{actor} {what}", {"read_error"}):
            raise OSError(errno.EIO, "the disk cannot read it, says a fault rule")


_RUNS: list[RunFaults] = []
"""Those of the run that is under way: not a context variable, since it is one whatever task asks."""


class Running:
    """Within the block, `heal` is about these faults."""

    def __init__(self, faults: RunFaults) -> None:
        self._faults = faults

    def __enter__(self) -> None:
        _RUNS.append(self._faults)

    def __exit__(self, *_: object) -> None:
        _RUNS.pop()


async def heal(system: System) -> None:
    """End the first phase of a run, in which faults happen: from now on none does. Returns when no turn is under way any more.

    What is said of the second phase is that everything comes to rest: by the program, and by the run, which is Stuck otherwise.
    A rule that comes and goes would heal a livelock by chance; this one does not come back.
    """
    for faults in _RUNS[-1:]:
        faults.heal()
    await system.dispatcher.quiet()
