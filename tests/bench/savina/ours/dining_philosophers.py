"""Philosophers want two forks of a waiter, who denies when one is taken; then they try again: refusals and fairness."""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Begin(Message[None]):
    pass


class Eat(Message[None]):
    pass


class Denied(Message[None]):
    pass


class Hungry(Message[None]):
    seat: int


class Sated(Message[None]):
    seat: int


class Leave(Message[None]):
    eaten: int


class Serve(Message[int]):
    philosophers: tuple[Ref[Begin | Eat | Denied], ...]


class Philosopher(Actor[Begin | Eat | Denied]):
    def __init__(self, waiter: Ref[Hungry | Sated | Leave], seat: int, meals: int) -> None:
        self.waiter, self.meals, self.eaten = waiter, meals, 0
        self.hungry, self.sated = Hungry(seat=seat), Sated(seat=seat)

    @receive(Begin)
    def on_begin(self, message: Begin) -> None:
        self.ctx.tell(self.waiter, self.hungry)

    @receive(Denied)
    def on_denied(self, message: Denied) -> None:
        self.ctx.tell(self.waiter, self.hungry)

    @receive(Eat)
    def on_eat(self, message: Eat) -> None:
        self.eaten += 1
        self.ctx.tell(self.waiter, self.sated)
        if self.eaten < self.meals:
            self.ctx.tell(self.waiter, self.hungry)
        else:
            self.ctx.tell(self.waiter, Leave(eaten=self.eaten))


class Waiter(Actor[Serve | Hungry | Sated | Leave]):
    def __init__(self, seats: int) -> None:
        self.guests, self.total = seats, 0
        self.forks = [True] * seats
        self.philosophers: tuple[Ref[Begin | Eat | Denied], ...] = ()

    @receive(Serve)
    def on_serve(self, message: Serve) -> Deferred[int]:
        self.philosophers = message.philosophers
        for philosopher in self.philosophers:
            self.ctx.tell(philosopher, Begin())
        return self.ctx.defer("end")

    @receive(Hungry)
    def on_hungry(self, message: Hungry) -> None:
        left, right = message.seat, (message.seat + 1) % len(self.forks)
        if self.forks[left] and self.forks[right]:
            self.forks[left] = self.forks[right] = False
            self.ctx.tell(self.philosophers[message.seat], Eat())
        else:
            self.ctx.tell(self.philosophers[message.seat], Denied())

    @receive(Sated)
    def on_sated(self, message: Sated) -> None:
        self.forks[message.seat] = self.forks[(message.seat + 1) % len(self.forks)] = True

    @receive(Leave)
    def on_leave(self, message: Leave) -> None:
        self.total += message.eaten
        self.guests -= 1
        if self.guests == 0:
            self.ctx.resolve("end", self.total)


async def callboard(system: System, watch: Stopwatch, seats: int, meals: int) -> int:
    waiter = system.spawn(Spec(Waiter, (seats,)))
    seated = tuple(system.spawn(Spec(Philosopher, (waiter, seat, meals))) for seat in range(seats))
    with watch.running():
        return await waiter.ask(Serve(philosophers=seated))
