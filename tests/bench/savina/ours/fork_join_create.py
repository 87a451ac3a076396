"""N actors are created, get one message, tell that they have had it, and end: the cost of birth and death."""

from actors import Actor, Deferred, Message, Ref, Restart, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Task(Message[None]):
    pass


class Done(Message[None]):
    pass


class Join(Message[int]):
    pass


class Mayfly(Actor[Task]):
    def __init__(self, joiner: Ref[Done]) -> None:
        self.joiner = joiner

    @receive(Task)
    def on_task(self, message: Task) -> None:
        self.ctx.tell(self.joiner, Done())
        self.ctx.stop()


class Joiner(Actor[Join | Done]):
    def __init__(self, actors: int) -> None:
        self.actors = actors
        self.done = 0

    @receive(Join)
    def on_join(self, message: Join) -> int | Deferred[int]:
        return self.done if self.done == self.actors else self.ctx.defer("end")

    @receive(Done)
    def on_done(self, message: Done) -> None:
        self.done += 1
        if self.done == self.actors:
            self.ctx.resolve("end", self.done)


async def callboard(system: System, watch: Stopwatch, actors: int) -> int:
    joiner = system.spawn(Spec(Joiner, (actors,)))
    task = Task()
    with watch.running():
        for _ in range(actors):
            await system.spawn(Spec(Mayfly, (joiner,), restart=Restart.TEMPORARY)).tell(task)
        return await joiner.ask(Join())
