"""A retry storm that stays when its cause has gone, and what ends it.

Requests come at 70 a second to a server that can serve 100. For ten seconds it is at half speed; then all is well again.
A client waits for one second, gives up, and tries again; the server does not know, and serves what nobody waits for.

callboard lab run samples.experiments.retry_storm:EXPERIMENT
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime import Entropy, System
from runtime.lab.experiment import Experiment, Measures

RATE, CAPACITY = 70.0, 100.0
"""A second."""
SERVER = Address.of("server")
PATIENCE = 1.0
TRIGGER = 10.0
"""Seconds at half speed."""
BUDGET, SAVED_MAX = 0.1, 10.0
"""Retries that each new request pays for, and how many can be saved up."""


@dataclass(frozen=True, slots=True)
class Policy:
    retries: int = 3
    backoff: float = 0.0
    """Seconds before the first retry; each further one waits twice as long."""
    jitter: bool = False
    budget: bool = False
    sheds: bool = False
    """The server drops what has waited for longer than its client did."""


POLICIES = {
    "no retry": Policy(retries=0),
    "3 at once": Policy(),
    "3, backoff": Policy(backoff=1),
    "3, backoff, full jitter": Policy(backoff=1, jitter=True),
    "3 at once, budget of 10 %": Policy(budget=True),
    "3 at once, server sheds": Policy(sheds=True),
}


class Request(Message[None]):
    key: int
    sent: float


class Arrive(Message[None]):
    pass


class Served(Message[None]):
    key: int
    sent: float


class GiveUp(Message[None]):
    key: int
    attempt: int


class TryAgain(Message[None]):
    key: int
    attempt: int


class Server(Actor[Request]):
    """Serves one request after the other; its mailbox is the queue."""

    def __init__(self, policy: Policy, clients: Ref[Served], work: Callable[[float], float]) -> None:
        self.policy = policy
        self.clients = clients
        self.work = work

    @receive(Request)
    async def on_request(self, request: Request) -> None:
        if self.policy.sheds and self.ctx.now - request.sent > PATIENCE:
            return
        await trio.sleep(self.work(self.ctx.now))
        self.ctx.tell(self.clients, Served(key=request.key, sent=request.sent))


class Clients(Actor[Arrive | Served | GiveUp | TryAgain]):
    """All clients: each has one request, and the retries that their policy allows."""

    def __init__(self, policy: Policy, chance: Entropy, answered: list[float]) -> None:
        self.policy = policy
        self.chance = chance
        self.answered = answered
        """When somebody had an answer in time."""
        self.waiting: set[int] = set()
        self.count = 0
        self.saved = SAVED_MAX

    @receive(Arrive)
    def on_arrive(self, _: Arrive) -> None:
        self.saved = min(SAVED_MAX, self.saved + BUDGET)
        self.count += 1
        self.send(self.count, 0)

    def send(self, key: int, attempt: int) -> None:
        self.waiting.add(key)
        self.ctx.tell(self.ctx.ref(SERVER), Request(key=key, sent=self.ctx.now))
        self.ctx.timer(str(key), PATIENCE, GiveUp(key=key, attempt=attempt))

    @receive(Served)
    def on_served(self, served: Served) -> None:
        if served.key in self.waiting and self.ctx.now - served.sent <= PATIENCE:
            self.waiting.discard(served.key)
            self.ctx.cancel(str(served.key))
            self.answered.append(self.ctx.now)

    @receive(GiveUp)
    def on_give_up(self, message: GiveUp) -> None:
        self.waiting.discard(message.key)
        if message.attempt == self.policy.retries or not self.may_retry():
            return
        wait = (
            self.policy.backoff * 2**message.attempt * (self.chance.fraction() if self.policy.jitter else 1)
        )
        self.ctx.timer(str(message.key), wait, TryAgain(key=message.key, attempt=message.attempt + 1))

    def may_retry(self) -> bool:
        if not self.policy.budget:
            return True
        if self.saved < 1:
            return False
        self.saved -= 1
        return True

    @receive(TryAgain)
    def on_try_again(self, message: TryAgain) -> None:
        self.send(message.key, message.attempt)


async def point(system: System, *, policy: str, calm: float, after: float) -> Measures:
    """Good replies a second in the calm before the trigger, and in as long a time that begins `after` seconds behind it."""
    begin = system.clock.now()
    slow = (begin + calm, begin + calm + TRIGGER)
    arrivals, work, jitter = (system.entropy.stream(name) for name in ("arrivals", "work", "jitter"))
    answered: list[float] = []

    def working(now: float) -> float:
        return exponential(work, CAPACITY / 2 if slow[0] <= now < slow[1] else CAPACITY)

    chosen = POLICIES[policy]
    clients = system.spawn(Spec(Clients, (chosen, jitter, answered), name="clients", capacity=100_000))
    system.spawn(Spec(Server, (chosen, clients, working), name="server", capacity=100_000))
    late = slow[1] + after
    while system.clock.now() < late + calm:
        await clients.tell(Arrive())
        await trio.sleep(exponential(arrivals, RATE))
    good_before = sum(at < slow[0] for at in answered) / calm
    good_after = sum(late <= at < late + calm for at in answered) / calm
    return {"before": good_before, "after": good_after, "stays": good_after < good_before / 2}


def exponential(chance: Entropy, rate: float) -> float:
    """Seconds until the next of `rate` a second."""
    return -math.log(1 - chance.fraction()) / rate


def storm(calm: float, after: float) -> Experiment:
    """The whole of it is `storm(40, 130)`; a storm that lasts shows itself sooner."""
    return Experiment(
        "retry storm",
        point,
        sweep={"policy": tuple(POLICIES), "calm": (calm,), "after": (after,)},
        baseline={"policy": "no retry", "calm": calm, "after": after},
    )


EXPERIMENT = storm(calm=40, after=130)
SHORT = storm(calm=6, after=14)
