"""The faults of one running node: its rules, the seams they act at, and what ends them.

A seam is there while a rule may still act at it, and not a moment longer: a node whose rules are over, or that has none,
runs as one that was never told of faults.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
import trio

from runtime.clock import Clock
from runtime.door.aws.door import AwsDoor
from runtime.entropy import Entropy
from runtime.faults.actors import EffectSeam, StartSeam, TurnSeam
from runtime.faults.disk import DiskSeam
from runtime.faults.door import DoorSeam
from runtime.faults.engine import Faults
from runtime.faults.expression import Expression
from runtime.faults.installed import InPython, Installed, Places
from runtime.faults.refusal import BadFaults
from runtime.faults.rule import FaultFile, Rule, Seam
from runtime.faults.window import Window
from runtime.pattern import Pattern
from runtime.system import System

LOOK_EVERY = 1.0
"""Seconds between two looks at what ends the rules, while there are any."""
log: structlog.stdlib.BoundLogger = structlog.get_logger("callboard.faults")


class SeamThere(Protocol):
    """Somewhere that faults can be put in and taken out."""

    def install(self) -> None: ...
    def remove(self) -> None: ...


class LiveFaults:
    """What a node allows. `run` looks after the rules until it is cancelled; then nothing of them is left."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self.faults = Faults(clock.now, entropy)
        self.window = Window(clock.now, self.faults.counts)
        self.faults.figures = self.window
        self.stop_when: tuple[Expression, ...] = ()
        self.stopped: str | None = None
        """Why all rules went off, if something has ended them."""
        self.version = 1
        """Of the set of rules; goes up with each change."""
        self.file = FaultFile()
        self.watching = 0
        """Who needs the window, though there may be no rule: experiments."""
        self.lookers: list[Callable[[], None]] = []
        """Called at each look: an experiment that is under way."""
        self.installed: Installed
        self._entropy = entropy
        self._clock = clock
        self._seams: Mapping[Seam, SeamThere] = {}
        self._there: list[SeamThere] = []
        self._changed = trio.Event()
        self._node = trio.CancelScope()

    def connect(self, system: System, door: AwsDoor, disk: DiskSeam, patterns: Sequence[Pattern]) -> None:
        """To the node that they are for."""

        def prefixes() -> list[str]:
            return [*system.prefixes, *(address.segments[0] for address in system.root.children)]

        services = [service for pattern in patterns for service in pattern.services]
        installed = Installed(services, prefixes)
        at_door = DoorSeam(
            door,
            self.faults,
            installed=installed,
            window=self.window,
            now=self._clock.now,
            entropy=self._entropy.stream("reorder"),
        )
        seams: dict[Seam, SeamThere] = {
            "door": at_door,
            "delivery": at_door,
            "consumer": at_door,
            "effect": EffectSeam(system, self.faults),
            "turn": TurnSeam(system.router, self.faults),
            "start": StartSeam(system, self.faults),
            "disk": disk,
        }
        self.seat(installed, seams)

    def seat(self, installed: Installed, seams: Mapping[Seam, SeamThere]) -> None:
        """What rules may name, and where they act."""
        self.installed = installed
        self._seams = seams

    # --- the set of rules ------------------------------------------------------------------------------

    def put(self, file: FaultFile, places: Places | None = None) -> None:
        """This set, armed, in the place of what there was. Raises BadFaults, and nothing has changed."""
        self.installed.check(file, places or InPython())
        self.faults.put(file, armed=True)
        self.stop_when, self.file = file.stop_when, file
        self.stopped = None
        self.settle()

    def add(self, rule: Rule, places: Places | None = None) -> None:
        """One more, armed. Raises BadFaults: nothing has changed."""
        if rule.name in self.faults.rules:
            raise BadFaults(f"there is a rule {rule.name} already")
        self.installed.check(FaultFile(faults=(rule,)), places or InPython())
        self.faults.add(rule)
        self.faults.arm(rule.name)
        self.settle()

    def remove(self, name: str) -> None:
        self.faults.remove(name)
        self.settle()

    def arm(self, name: str) -> None:
        self.faults.arm(name)
        self.stopped = None
        self.settle()

    def disarm(self, name: str) -> None:
        self.faults.disarm(name)
        self.settle()

    def off(self, why: str) -> None:
        """All rules, at once: they stay in the set, disarmed."""
        self.faults.off()
        self.stopped = why
        log.warning("faults_off", why=why)
        self.settle()

    def settle(self) -> None:
        """The set has changed."""
        self.version += 1
        self.reseat()
        self._changed.set()

    def reseat(self) -> None:
        """Have the seams that are needed now, and no others."""
        live = self.faults.live()
        needed = [self._seams[seam] for seam in sorted(live)]
        figures = self.watching or any(one.rule.gate.while_ for one in self.faults.rules.values())
        if figures or (live and self.stop_when):
            needed.append(self._seams["door"])
        for seam in self._there:
            if seam not in needed:
                seam.remove()
        for seam in needed:
            if seam not in self._there:
                seam.install()
                self._there.append(seam)
        self._there = [seam for seam in self._there if seam in needed]

    # --- what ends them --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after them: a rule whose time is over goes, and all go when one of `stop_when` is true."""
        try:
            with self._node:
                await self._look_after()
        finally:
            self.faults.off()
            self.reseat()
            for name in list(self.faults.rules):
                self.faults.remove(name)

    def end(self) -> None:
        """The node stops: nothing goes wrong on purpose any more, and nothing of it keeps the node."""
        self._node.cancel()

    async def _look_after(self) -> None:
        while True:
            if self._there or self.lookers:
                with trio.move_on_after(LOOK_EVERY):
                    await self._changed.wait()
            else:
                await self._changed.wait()
            self._changed = trio.Event()
            self.look()

    def look(self) -> None:
        """End what has come to its end."""
        self.faults.tell_ended()
        for look in list(self.lookers):
            look()
        if self.faults.live():
            for expression in self.stop_when:
                if expression.holds(self.window):
                    self.off(f"stop_when {expression}")
                    return
        self.reseat()
