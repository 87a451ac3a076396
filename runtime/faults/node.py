"""What a node that allows faults has more than another: the rules, their pages, and a seam around its store."""

from collections.abc import Mapping, Sequence

from runtime.clock import Clock
from runtime.config import Settings
from runtime.door.aws.door import AwsDoor
from runtime.door.http import Handler
from runtime.entropy import Entropy
from runtime.faults.admin import ROOM, FaultPages, Guard
from runtime.faults.chaos import CHAOS, ChaosPages
from runtime.faults.disk import DiskSeam, around
from runtime.faults.experiment_pages import EXPERIMENTS, ExperimentPages
from runtime.faults.live import LiveFaults
from runtime.faults.reading import read
from runtime.faults.rule import FaultFile
from runtime.pattern import Pattern
from runtime.store.port import Store
from runtime.system import System


class NodeFaults:
    """Made before the node's store is used; `connect` when there is a system and a door, before anything is served.

    The rules of `settings.faults` are read at once and armed when connected. Raises OSError, BadFaults.
    """

    def __init__(self, settings: Settings, clock: Clock, entropy: Entropy) -> None:
        self.live = LiveFaults(clock, entropy)
        guard = Guard(settings.host, settings.faults_token)
        self.pages: Mapping[str, Handler] = {
            ROOM: FaultPages(self.live, guard),
            CHAOS: ChaosPages(self.live, guard),
            EXPERIMENTS: ExperimentPages(self.live, guard, clock.now, entropy.stream("experiments")),
        }
        self._first = None
        if settings.faults is not None:
            self._first = read(settings.faults.read_bytes(), FaultFile, str(settings.faults))
        self._disk: DiskSeam

    def around(self, store: Store) -> Store:
        """The store that the node's system runs on."""
        store, self._disk = around(store, lambda: self.live.faults)
        return store

    def connect(self, system: System, door: AwsDoor, patterns: Sequence[Pattern]) -> None:
        """Raises BadFaults: the file names what this node has not."""
        self.live.connect(system, door, self._disk, patterns)
        if self._first is not None:
            self.live.put(*self._first)
