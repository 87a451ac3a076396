"""The actors of `features.py`: each uses one feature, and nothing else."""

from typing import Any, ClassVar

from typing_extensions import override

from actors import (
    Actor,
    Deferred,
    DurableActor,
    Message,
    Put,
    ReceiveTimeout,
    Ref,
    Restart,
    Spec,
    StartReason,
    Stored,
    Terminated,
    receive,
)


class Add(Message[int]):
    pass


class Tick(Message[None]):
    pass


class Bear(Message[None]):
    """Have a child, which ends at once."""


class Flush(Message[None]):
    pass


class TellMany(Message[None]):
    count: int


class Counter(Actor[Add]):
    def __init__(self) -> None:
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += 1
        return self.total


class Watcher(Actor[Terminated]):
    def __init__(self, watched: Ref[Any]) -> None:
        self.watched = watched

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.watch(self.watched)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        pass


class Keeper(Actor[Bear | Terminated]):
    watching: ClassVar[bool] = False

    @receive(Bear)
    def on_bear(self, message: Bear) -> None:
        child = self.ctx.spawn(Spec(Counter, restart=Restart.TEMPORARY))
        if self.watching:
            self.ctx.watch(child)
        self.ctx.stop(child)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        pass


class WatchingKeeper(Keeper):
    watching = True


class Timing(Actor[Add | Tick]):
    """Sets its timer anew in each turn."""

    def __init__(self) -> None:
        self.total = 0
        self.tick = Tick()

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += 1
        self.ctx.timer("tick", 3_600.0, self.tick)
        return self.total

    @receive(Tick)
    def on_tick(self, message: Tick) -> None:
        pass


class Timed(Actor[Add | Tick]):
    """Has a timer that waits."""

    def __init__(self) -> None:
        self.total = 0

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.timer("tick", 3_600.0, Tick())

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += 1
        return self.total

    @receive(Tick)
    def on_tick(self, message: Tick) -> None:
        pass


class Silenced(Actor[Add | ReceiveTimeout]):
    def __init__(self) -> None:
        self.total = 0

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.receive_timeout(3_600.0, ReceiveTimeout())

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += 1
        return self.total

    @receive(ReceiveTimeout)
    def on_silence(self, message: ReceiveTimeout) -> None:
        pass


class WithState(Actor[Add]):
    initial = "one"

    def __init__(self) -> None:
        self.total = 0

    @receive(Add, state="one")
    def on_add(self, message: Add) -> int:
        self.total += 1
        return self.total


class Switching(Actor[Add]):
    initial = "one"

    def __init__(self) -> None:
        self.total = 0

    @receive(Add, state="one")
    def on_add(self, message: Add) -> int:
        self.total += 1
        self.ctx.become("two")
        return self.total

    @receive(Add, state="two")
    def on_another(self, message: Add) -> int:
        self.total += 1
        self.ctx.become("one")
        return self.total


class Stasher(Actor[Add | Flush]):
    """Puts a bunch aside, and handles it when it is flushed."""

    puts_aside: ClassVar[bool] = True

    def __init__(self) -> None:
        self.stashing = self.puts_aside
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int | Deferred[int]:
        if self.stashing:
            return self.ctx.stash()
        self.total += 1
        return self.total

    @receive(Flush)
    def on_flush(self, message: Flush) -> Deferred[None] | None:
        if not self.puts_aside:
            return None
        self.stashing = not self.stashing
        if self.stashing:  # all that was given back has been handled
            return None
        answer = self.ctx.stash()
        self.ctx.unstash()
        return answer


class Unstashed(Stasher):
    """Handles each at once."""

    puts_aside = False


class Teller(Actor[TellMany]):
    def __init__(self, counter: Ref[Add]) -> None:
        self.counter = counter

    @receive(TellMany)
    def on_tell_many(self, message: TellMany) -> None:
        add = Add()
        for _ in range(message.count):
            self.ctx.tell(self.counter, add)


class Durable(DurableActor[Add]):
    stages: ClassVar[bool] = True

    def __init__(self) -> None:
        self.total = 0

    @override
    async def load(self, stored: Stored) -> None:
        (kept,) = await stored.get(["total"])
        self.total = int(kept or b"0")

    @receive(Add)
    def on_add(self, message: Add) -> int:
        if self.stages:
            self.ctx.stage(Put("total", b"%d" % (self.total + 1)))
        self.total += 1
        return self.total


class Reading(Durable):
    """Stages nothing."""

    stages = False


class Nest(Actor[Add | Bear]):
    """With as many below it as it is told."""

    def __init__(self, below: int) -> None:
        self.below = below
        self.total = 0

    @override
    async def started(self, reason: StartReason) -> None:
        if self.below:
            self.ctx.spawn(Spec(Nest, (self.below - 1,), name="nest"))

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += 1
        return self.total

    @receive(Bear)
    def on_bear(self, message: Bear) -> None:
        self.ctx.stop(self.ctx.spawn(Spec(Counter, restart=Restart.TEMPORARY)))
