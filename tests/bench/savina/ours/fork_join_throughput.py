"""One sender deals messages round robin to K actors and waits until each has its share: fairness of the run queue."""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Task(Message[None]):
    pass


class Done(Message[None]):
    pass


class Join(Message[int]):
    pass


class Worker(Actor[Task]):
    def __init__(self, joiner: Ref[Done], each: int) -> None:
        self.joiner = joiner
        self.left = each

    @receive(Task)
    def on_task(self, message: Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.ctx.tell(self.joiner, Done())


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


async def callboard(system: System, watch: Stopwatch, actors: int, each: int) -> int:
    joiner = system.spawn(Spec(Joiner, (actors,)))
    workers = [system.spawn(Spec(Worker, (joiner, each))) for _ in range(actors)]
    task = Task()
    with watch.running():
        for _ in range(each):
            for worker in workers:
                await worker.tell(task)
        return await joiner.ask(Join())
