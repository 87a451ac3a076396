"""A run holds the world in its hand: while it lasts, time, chance and the network are its own, and the rest is refused.

Names of the standard library's modules are replaced and put back. Clients get the run's time (`virtual_time.py`), its
sockets (`client_socket.py`) and draws of its entropy; threads, processes and other sockets raise `Uncontrolled`.
What a module has taken by `from time import sleep` is replaced in the packages of the clients' functions.
"""

import datetime as dt
import gc
import os
import random
import select
import socket
import sys
from _thread import get_ident
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.lab.client_socket import ClientPoll, ClientSocket, address_info
from runtime.lab.network import Network
from runtime.lab.uncontrolled import Uncontrolled, refused
from runtime.lab.virtual_time import Patch, check_caller, condition_wait, datetime_module, time_patches

FORBIDDEN = {
    "threading:Thread.start": "a thread (ThreadPoolExecutor, TransferManager): threads do not repeat; run a second client",
    "subprocess:Popen.__init__": "another process: it has the machine's time; let it test a node that really runs",
    "os:fork": "another process: it has the machine's time; let it test a node that really runs",
    "os:system": "another process: it has the machine's time; let it test a node that really runs",
    "socket:socketpair": "a pair of sockets (asyncio): its loop waits in the machine's time",
    "select:select": "select.select: it waits in the machine's time",
    "select:epoll": "select.epoll (asyncio): it waits in the machine's time",
}
"""What is refused to everybody, and why."""
BOUND_EARLY = ("queue", "sched", "threading")
"""Of the standard library, who has taken a clock by name."""


class Guard:
    """Holds the world while its block lasts."""

    def __init__(self, clock: VirtualClock, entropy: Entropy, network: Network) -> None:
        self._clock = clock
        self._entropy = entropy.stream("clients")
        self._network = network
        self._kept: list[Patch] = []
        self._instead: dict[int, Any] = {}
        """The identity of what was replaced -> its replacement."""
        self._reached: set[str] = set()

    @contextmanager
    def holding(self) -> Generator[None]:
        """Not reentrant."""
        refused.clear()
        collecting = gc.isenabled()
        gc.disable()  # a finaliser at whatever time the heap says is not of this seed; and a fifth of the run's time is saved
        chance = random.getstate()
        random.seed(self._entropy.below(2**64))
        known = set(sys.modules)
        try:
            for owner, name, instead in self._patches():
                ours = (
                    instead if isinstance(instead, type) else _in_this_thread(getattr(owner, name), instead)
                )
                self.replace(owner, name, ours)
            shim = datetime_module(self._clock)
            for real in (dt, dt.datetime, dt.date):
                self._instead[id(real)] = (
                    shim if isinstance(real, ModuleType) else getattr(shim, real.__name__)
                )
            for package in BOUND_EARLY:
                self.reach(package)
            yield
        finally:
            self._put_back(known)
            random.setstate(chance)
            if collecting:
                gc.enable()

    @property
    def broken(self) -> Uncontrolled | None:
        """The first thing that was refused, whoever has swallowed it."""
        return refused[0] if refused else None

    def replace(self, owner: Any, name: str, instead: Any) -> None:
        """`owner.name` is `instead` to the end of the block."""
        before = getattr(owner, name)
        self._kept.append((owner, name, before))
        self._instead[id(before)] = instead
        setattr(owner, name, instead)

    def reach(self, package: str) -> None:
        """Replace what the modules of `package` have taken by name (`from time import sleep`, `import datetime`)."""
        for name, module in sorted(sys.modules.items()):
            if name.partition(".")[0] != package or name in self._reached:
                continue
            self._reached.add(name)
            for own, value in list(vars(module).items()):
                if id(value) in self._instead and self._instead[id(value)] is not value:
                    self.replace(module, own, self._instead[id(value)])

    def instead_of(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same values, those that are replaced by their replacements."""
        return tuple(self._instead.get(id(value), value) for value in values)

    def _put_back(self, known: set[str]) -> None:
        before = {id(getattr(owner, name)): before for owner, name, before in self._kept}
        for owner, name, real in reversed(self._kept):
            setattr(owner, name, real)
        for module in [module for name, module in sys.modules.items() if name not in known]:
            for name, value in list(vars(module).items()):  # it was imported meanwhile, and has taken ours
                if id(value) in before:
                    setattr(module, name, before[id(value)])

    def _patches(self) -> Iterator[Patch]:
        yield from time_patches(self._clock)
        yield resolve_name("threading:Condition"), "wait", condition_wait
        yield os, "urandom", self._bytes
        yield random, "_urandom", self._bytes  # of random.SystemRandom and secrets
        yield random.Random, "seed", self._seeding(random.Random.seed)
        yield socket, "socket", type("socket", (ClientSocket,), {"network": self._network})
        yield socket, "getaddrinfo", address_info(self._network)
        yield select, "poll", ClientPoll
        for what, why in FORBIDDEN.items():
            module, _, path = what.partition(":")
            owner, _, name = path.rpartition(".")
            yield (
                resolve_name(f"{module}:{owner}" if owner else module),
                name,
                self._refusing(what.replace(":", "."), why),
            )

    def _bytes(self, size: int, /) -> bytes:
        check_caller("os.urandom")  # and so uuid.uuid4
        return self._entropy.below(256**size).to_bytes(size, "big")

    def _seeding(self, real: Callable[..., None]) -> Callable[..., None]:
        """`random.Random()` without a seed takes one of the system's: here of the run's."""

        def seed(generator: Any, a: Any = None, version: int = 2) -> None:
            real(generator, self._entropy.below(2**64) if a is None else a, version)

        return seed

    def _refusing(self, what: str, why: str) -> Callable[..., Any]:
        def refuse(*_: object, **__: object) -> Any:
            raise Uncontrolled(f"{what}: {why}")

        return refuse


def _in_this_thread(real: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Other threads of the process are not in the run, and have the machine's."""
    here = get_ident()

    def called(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs) if get_ident() == here else real(*args, **kwargs)

    return called
