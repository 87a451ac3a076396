"""Series of terms, each reckoned by one computer from the term before; what comes while a series waits is stashed.

The peers have no stash: theirs keeps by hand what it cannot do yet.
"""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import logistic


class Next(Message[None]):
    pass


class Term(Message[None]):
    value: int


class Compute(Message[None]):
    series: Ref[Term]
    value: int


class Last(Message[None]):
    value: int


class Finish(Message[int]):
    pass


class Computer(Actor[Compute]):
    @receive(Compute)
    def on_compute(self, message: Compute) -> None:
        self.ctx.tell(message.series, Term(value=logistic(message.value)))


class Series(Actor[Next | Term]):
    def __init__(self, value: int, terms: int, computer: Ref[Compute], judge: Ref[Last]) -> None:
        self.value, self.left, self.computer, self.judge = value, terms, computer, judge
        self.waiting = False

    @receive(Next)
    def on_next(self, message: Next) -> Deferred[None] | None:
        if self.waiting:
            return self.ctx.stash()
        self.waiting = True
        self.ctx.tell(self.computer, Compute(series=self.ctx.me, value=self.value))
        return None

    @receive(Term)
    def on_term(self, message: Term) -> None:
        self.value, self.waiting = message.value, False
        self.left -= 1
        if self.left == 0:
            self.ctx.tell(self.judge, Last(value=self.value))
        else:
            self.ctx.unstash(1)


class Judge(Actor[Finish | Last]):
    def __init__(self, series: int) -> None:
        self.missing, self.total = series, 0

    @receive(Finish)
    def on_finish(self, message: Finish) -> int | Deferred[int]:
        return self.total if self.missing == 0 else self.ctx.defer("end")

    @receive(Last)
    def on_last(self, message: Last) -> None:
        self.total += message.value
        self.missing -= 1
        if self.missing == 0:
            self.ctx.resolve("end", self.total)


async def callboard(system: System, watch: Stopwatch, series: int, terms: int) -> int:
    judge, computer = system.spawn(Spec(Judge, (series,))), system.spawn(Spec(Computer))
    refs = [system.spawn(Spec(Series, (first, terms, computer, judge))) for first in range(1, series + 1)]
    following = Next()
    with watch.running():
        for _ in range(terms):
            for ref in refs:
                await ref.tell(following)
        return await judge.ask(Finish())
