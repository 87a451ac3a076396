"""The context of a harness: it notes what a turn does, and does none of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from actors.actor import Actor, Spec, StopReason, need_spec
from actors.address import Address
from actors.chance import Chance
from actors.durable import Write
from actors.errors import (
    BadSpec,
    DirtySuspension,
    NameTaken,
    NotDurable,
    ReadOnlyTurn,
    StoreFull,
    TooManyChildren,
    TooManyDeferred,
)
from actors.message import Deferred, Message
from actors.ref import Ref
from actors.testing.effects import (
    Answered,
    Became,
    Effect,
    Piped,
    Read,
    Records,
    Refused,
    Resolved,
    Spawned,
    Stopped,
    TimerCancelled,
    TimerSet,
    Told,
    Trap,
    Unstashed,
    ref_to,
)
from actors.testing.reach import HarnessReach
from actors.testing.world import Timed, World

T = TypeVar("T")


class HarnessContext(HarnessReach):
    """One incarnation's. Outputs take effect on the world's books when their turn counts."""

    def __init__(self, world: World, actor: Actor[Any], capacity: int) -> None:
        super().__init__(world, actor, capacity)
        self.staged: list[Write] = []

    def begin(self) -> None:
        """A turn begins."""
        self.stashing = False
        self.promised = []
        if self.outputs or self.staged:
            self.undo()

    def undo(self) -> list[Write | Effect]:
        """The turn does not count; answers what it had made."""
        made = [*self.staged, *self.outputs]
        self.outputs, self.staged = [], []
        self._state = self.world.state
        return made

    def count(self) -> None:
        """The turn counts: its outputs change the books, and those that came to nothing are left out."""
        made, self.outputs = self.outputs, []
        self.outputs.extend(output for output in made if self._keep(output))

    def _keep(self, output: Effect) -> bool:
        """Whether it comes to anything."""
        world = self.world
        if isinstance(output, (Resolved, Refused)):
            return world.deferred.pop(output.key, None) is not None
        match output:
            case TimerSet(key, after, message, every):
                world.timers[key] = Timed(world.now + after, message, every)
            case TimerCancelled(key):
                world.timers.pop(key, None)
            case Spawned(spec, ref):
                world.children[ref.address.name] = spec
            case Stopped(None):
                world.ended = StopReason.STOP
            case Stopped(Ref() as ref):
                world.children.pop(ref.address.name, None)
            case _:
                self._keep_state(output)
        return True

    def _keep_state(self, output: Effect) -> None:
        if isinstance(output, Became):
            self.world.state = output.state
            self._unstash(None)
        elif isinstance(output, Unstashed):
            self._unstash(output.count)

    def _unstash(self, count: int | None) -> None:
        stash = self.world.stash
        self.world.unstashed += stash[:count]
        del stash[:count]

    # --- what an actor uses ----------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        return self.world.address

    @property
    def now(self) -> float:
        return self.world.now

    @property
    def wall(self) -> float:
        return self.world.now

    @property
    def entropy(self) -> Chance:
        return self.world.chance

    @property
    def me(self) -> Ref[Any]:
        return ref_to(self.world.address)

    @property
    def deferred(self) -> Mapping[str, Any]:
        return self.world.deferred

    def ref(self, address: Address) -> Ref[Any]:
        return ref_to(address)

    def tell(self, ref: Ref[Any], message: Any) -> None:
        self.output(Told(ref, message))

    def pipe(self, work: Callable[[], Awaitable[T]], as_: Callable[[T | Exception], Message[Any]]) -> None:
        self.output(Piped(work, as_))

    def answer(self, work: Callable[[], Awaitable[T]], then: Message[Any] | None = None) -> Deferred[T]:
        return self.answered(Answered(work, then))

    def defer(self, key: str, *, deadline: float | None = None, on_deadline: Any = None) -> Deferred[Any]:
        self.check()
        if len(self.world.deferred) >= self._actor.deferred_max:
            raise TooManyDeferred(f"{self.address}: {self._actor.deferred_max} askers wait")
        if key in self.world.deferred:
            raise ValueError(f"an asker is already deferred under {key!r}")
        return self.promise("defer", Deferred(key, deadline, on_deadline))

    def resolve(self, key: str, reply: Any) -> None:
        self.output(Resolved(key, reply))

    def refuse(self, key: str, error: Exception) -> None:
        self.output(Refused(key, error))

    def spawn(self, spec: Spec[Any]) -> Ref[Any]:
        need_spec(spec)
        if self._actor.template is not None:
            raise BadSpec(f"{self.address}: its children come from its template, by ctx.start_child")
        return self._spawn(spec)

    def start_child(self, *args: Any, name: str | None = None) -> Ref[Any]:
        template = self._actor.template
        if template is None:
            raise BadSpec(f"{self.address}: only a DYNAMIC supervisor has a template")
        return self._spawn(replace(template, args=args, name=name))

    def _spawn(self, spec: Spec[Any]) -> Ref[Any]:
        siblings = {*self.world.children, *(ref.address.name for ref in self._spawned())}
        if len(siblings) >= self._actor.children_max:
            raise TooManyChildren(f"{self.address} has {self._actor.children_max} children")
        if spec.name is None:
            self.world.named += 1
            name = f"{getattr(spec.actor, '__name__', 'actor').lower()}-{self.world.named}"
        else:
            name = spec.name
        child = self.address.child(name)
        if child.name in siblings:
            raise NameTaken(f"{child} lives already")
        self.output(Spawned(spec, ref_to(child)))
        return ref_to(child)

    def _spawned(self) -> list[Ref[Any]]:
        return [output.ref for output in self.outputs if isinstance(output, Spawned)]

    def children(self) -> list[Ref[Any]]:
        running = [ref_to(self.address + "/" + name) for name in self.world.children]
        return running + self._spawned()

    def stop(self, ref: Ref[Any] | None = None) -> None:
        self.output(Stopped(ref))

    # --- what a durable actor uses besides -------------------------------------------------------------

    @property
    def changed(self) -> bool:
        return bool(self.staged or self.outputs)

    def _check_durable(self, call: str) -> None:
        if not self._actor.durable:
            raise NotDurable(self.address, type(self._actor).__name__, call)

    def stage(self, *writes: Write) -> None:
        self._check_durable("stage")
        self.check()
        if self._actor.reads_only:
            raise ReadOnlyTurn(f"{self.address}: a readonly handler stages nothing")
        if self.world.store_full:
            raise StoreFull("the disk is full or read-only; nothing has changed, and reads go on")
        self.staged.extend(writes)

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        self._check_durable("read")
        if self.staged:
            raise DirtySuspension(f"{self.address} reads after its first change")
        self.check()
        rows: list[bytes | None] = await Trap(Read(*keys))
        return rows

    async def records(
        self, address: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        self._check_durable("records")
        self.check()
        found: list[tuple[int, bytes]] = await Trap(Records(address, log, first, limit))
        return found
