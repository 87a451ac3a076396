"""How many restarts a supervisor forgives, and how long they wait, while a dependency is down.

Four workers connect as they start, and crash with their connection. The dependency is down for 10 to 60 seconds. Restarts
that follow at once use up any intensity within the first second, and the supervisor gives up: nobody is there when the
dependency is back. A backoff outlasts it, if the intensity allows the restarts that the backoff begins with.

callboard lab run samples.experiments.restarts:EXPERIMENT
"""

import trio
from typing_extensions import override

from actors import Actor, Backoff, Intensity, Message, Restart, Spec, receive
from actors.actor import StartReason
from runtime import System
from runtime.lab.experiment import Experiment, Measures

WORKERS = 4
OUTAGE = (10.0, 60.0)
"""Seconds, at least and at most."""
CALM, LOOK_FOR = 5.0, 120.0
"""Seconds before the outage, and for how long it is waited for the workers behind it."""
CONNECTING = 0.05
BACKOFFS = {
    "at once": Backoff(first=0, most=0, jitter=0),
    "0.1 s, doubled, to 30 s": Backoff(),
    "5 s, always": Backoff(first=5, factor=1, most=5),
}


class Down(Exception):
    """The dependency does not answer."""


class Dependency:
    def __init__(self) -> None:
        self.up = True
        self.refused = 0
        """Connections that it was asked for while it was down: what falls on it as it tries to come back."""
        self.connected = 0
        self.whole = trio.Event()
        """All workers are connected, since it has failed last."""

    def fail(self) -> None:
        self.up = False
        self.whole = trio.Event()

    async def connect(self) -> None:
        await trio.sleep(CONNECTING)
        if not self.up:
            self.refused += 1
            raise Down
        self.connected += 1
        if self.connected == WORKERS:
            self.whole.set()


class Work(Message[None]):
    pass


class Worker(Actor[Work]):
    def __init__(self, dependency: Dependency) -> None:
        self.dependency = dependency

    @override
    async def started(self, reason: StartReason) -> None:
        await self.dependency.connect()

    @receive(Work)
    def on_work(self, _: Work) -> None:
        if not self.dependency.up:
            self.dependency.connected -= 1
            raise Down


class Crew(Actor[Work]):
    """The supervisor: its intensity counts the restarts of all its workers together."""

    def __init__(self, dependency: Dependency, backoff: Backoff) -> None:
        self.workers = [
            Spec(Worker, (dependency,), name=f"worker-{number}", backoff=backoff) for number in range(WORKERS)
        ]

    @override
    async def started(self, reason: StartReason) -> None:
        for spec in self.workers:
            self.ctx.spawn(spec)

    @receive(Work)
    def on_work(self, message: Work) -> None:
        for worker in self.ctx.children():
            self.ctx.tell(worker, message)


async def point(system: System, *, restarts: int, backoff: str) -> Measures:
    """Whether the supervisor gave up, what fell on the dependency, and seconds without all workers behind the outage."""
    dependency, chance = Dependency(), system.entropy.stream("outage")
    crew = system.spawn(
        Spec(
            Crew,
            (dependency, BACKOFFS[backoff]),
            name="crew",
            restart=Restart.TEMPORARY,
            intensity=Intensity(restarts, within=30),
        )
    )
    await trio.sleep(CALM)
    dependency.fail()
    await crew.tell(Work())
    await trio.sleep(OUTAGE[0] + (OUTAGE[1] - OUTAGE[0]) * chance.fraction())
    dependency.up = True
    back = system.clock.now()
    with trio.move_on_after(LOOK_FOR) as looking:
        await dependency.whole.wait()
    return {
        "gave up": looking.cancelled_caught,
        "refused": dependency.refused,
        "still down": system.clock.now() - back,
    }


EXPERIMENT = Experiment("restarts", point, sweep={"restarts": (3, 20, 60), "backoff": tuple(BACKOFFS)})
