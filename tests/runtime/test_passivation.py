"""An address that is written to comes to life, and goes when nobody writes."""

import gc
from collections import Counter
from typing import Any, ClassVar

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec, StopReason
from actors.address import Address
from actors.durable import Stored
from actors.errors import ActorError, DeadLettered, StartFailed
from actors.supervision import Backoff, Intensity
from runtime import activation
from runtime.activation import FailedActivations
from runtime.cell import Cell
from runtime.passivation import LOOKS_AT_ONCE
from runtime.pattern import Pattern
from runtime.store import MemoryStore
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Keeper,
    Note,
    Player,
    Refusal,
    Run,
    answering,
    crash,
    itself,
    keeper,
    keeping,
    on_stage,
    settled,
)


class Watched(Keeper):
    """It counts its loads, takes a second for each, and says goodbye for two."""

    loads: ClassVar[Counter[str]] = Counter()

    @override
    async def load(self, stored: Stored) -> None:
        self.loads["begun"] += 1
        await trio.sleep(1)
        await super().load(stored)

    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(2)


async def long() -> None:
    await trio.sleep(100)


async def ask_all(actor: Any, count: int) -> list[Any]:
    """Ask it at once from many tasks; the replies and errors."""
    came: list[Any] = []

    async def ask(number: int) -> None:
        try:
            came.append(await actor.ask(Note(text=str(number))))
        except ActorError as error:
            came.append(type(error))

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(ask, number)
    return came


@on_stage(patterns=[keeping(Spec(Watched))])
async def test_concurrent_first_messages_share_one_activation(system: System) -> None:
    Watched.loads.clear()
    assert sorted(await ask_all(keeper(system), 10)) == list(range(1, 11))
    assert Watched.loads["begun"] == 1


class Unloadable(Keeper):
    """Its rows cannot be read."""

    tries: ClassVar[list[float]] = []

    @override
    async def load(self, stored: Stored) -> None:
        self.tries.append(trio.current_time())  # noqa: TID251 -- virtual
        await trio.sleep(1)
        raise Bang("unreadable")


@on_stage(patterns=[keeping(Spec(Unloadable))])
async def test_a_failed_activation_tells_every_asker_and_is_not_tried_again_without_a_message(
    system: System,
) -> None:
    Unloadable.tries.clear()
    assert await ask_all(keeper(system), 5) == [StartFailed] * 5
    assert keeper(system).address not in system.router.cells
    await trio.sleep(100)
    assert Unloadable.tries == [0]
    with pytest.raises(StartFailed):
        await keeper(system).ask(Note(text="x"))
    assert Unloadable.tries == [0, 101]


@on_stage(patterns=[keeping(Spec(Unloadable, backoff=Backoff(first=10, most=25, jitter=0)))])
async def test_activation_backs_off_longer_from_failure_to_failure(system: System) -> None:
    Unloadable.tries.clear()
    for _ in range(100):
        with pytest.raises(StartFailed):
            await keeper(system).ask(Note(text="x"))
        await keeper(system).tell(Note(text="a dead letter"))
        await trio.sleep(1)
    assert Unloadable.tries == [0, 11, 32, 58, 84]
    assert system.letters.counts == {"start_failed": 100}
    await ask_all(keeper(system, "other"), 1)
    assert len(Unloadable.tries) == 6, "nobody else backs off"


@on_stage(
    patterns=[
        keeping(
            Spec(
                Unloadable, backoff=Backoff(first=0, factor=1, most=500), intensity=Intensity(2, within=1_000)
            )
        )
    ]
)
async def test_at_its_restart_intensity_an_address_backs_off_as_long_as_it_may(system: System) -> None:
    Unloadable.tries.clear()
    for _ in range(10):
        with pytest.raises(StartFailed):
            await keeper(system).ask(Note(text="x"))
    assert Unloadable.tries == [0, 1, 2]
    await trio.sleep(600)
    with pytest.raises(StartFailed):
        await keeper(system).ask(Note(text="x"))
    assert len(Unloadable.tries) == 4


def test_failed_addresses_are_remembered_up_to_a_bound_and_forgotten_in_time() -> None:
    failed = FailedActivations()
    spec: Spec[Any] = Spec(Keeper)
    for number in range(activation.KEPT + 5):
        failed.failed(Address(f"/keep/{number}"), spec, 0.0, 0.5)
    assert len(failed) == activation.KEPT
    failed.check(Address("/keep/0"), 0.0)
    with pytest.raises(StartFailed):
        failed.check(Address(f"/keep/{activation.KEPT}"), 0.0)
    failed.failed(Address("/keep/late"), spec, 1_000.0, 0.5)
    assert len(failed) == 1


@on_stage(patterns=[keeping(Spec(Keeper, backoff=Backoff(first=5, jitter=0)))], store=MemoryStore())
async def test_an_actor_that_ran_and_cannot_restart_at_first_keeps_its_mail(system: System) -> None:
    broken: list[bool] = []

    async def fails_once(self: Keeper, stored: Stored) -> None:
        if broken and broken.pop():
            raise Bang("a hiccup")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "load", fails_once)
        await keeper(system).ask(Note(text="up"))
        broken.append(True)
        await keeper(system).tell(Run(step=crash))
        assert await keeper(system).ask(Note(text="waits")) == 1


def test_a_constructor_that_fails_is_a_failed_start_too() -> None:
    def factory(_: Any) -> Spec[Any]:
        return Spec(Keeper, (1, 2, 3))

    async def program(system: System) -> None:
        for _ in range(3):
            with pytest.raises(StartFailed):
                await keeper(system).ask(Note(text="x"))

    on_stage(patterns=[answering(factory)])(program)()


def test_a_factory_that_knows_no_such_actor_means_a_dead_letter() -> None:
    async def program(system: System) -> None:
        with pytest.raises(DeadLettered):
            await keeper(system).ask(Note(text="x"))
        await keeper(system).tell(Note(text="x"))
        assert system.letters.counts == {"no_such_address": 2}

    on_stage(patterns=[answering(lambda _: None)])(program)()


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=10))], store=MemoryStore())
async def test_an_idle_actor_goes_and_its_state_comes_back(system: System) -> None:
    assert await keeper(system).ask(Note(text="a")) == 1
    await trio.sleep(9)
    assert system.router.cells
    await trio.sleep(20)
    assert not system.router.cells
    assert await keeper(system).ask(Note(text="b")) == 2


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=10))])
async def test_an_actor_at_work_stays(system: System) -> None:
    marked = await keeper(system).ask(Run(step=itself))
    for _ in range(10):
        await trio.sleep(9)
        assert await keeper(system).ask(Run(step=itself)) == marked


@pytest.mark.parametrize("holds", ["deferred", "timer", "pipe", "watch"])
def test_an_actor_that_holds_something_stays(holds: str) -> None:
    def hold(self: Keeper) -> Any:
        if holds == "deferred":
            return self.ctx.defer("k", deadline=100, on_deadline="late")
        if holds == "timer":
            return self.ctx.timer("t", 100, Run(step=itself))
        if holds == "watch":
            return self.ctx.watch(self.ctx.ref(Address("/other")), as_=lambda _: Run(step=itself))
        return self.ctx.pipe(long, lambda _: Run(step=itself))

    async def program(system: System) -> None:
        other = system.spawn(Spec(Player, name="other"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper(system).ask, Run(step=hold))
            await trio.sleep(99)
            assert keeper(system).address in system.router.cells
            await system.stop(other)
        await trio.sleep(50)
        assert not system.router.cells

    on_stage(patterns=[keeping(Spec(Keeper, idle_after=10))])(program)()


@on_stage(patterns=[keeping(Spec(Watched, idle_after=10))])
async def test_no_message_is_lost_while_an_actor_passivates(system: System) -> None:
    Watched.loads.clear()
    sent = 0
    for tenths in range(60):
        await keeper(system).ask(Note(text="up"))
        sent += 1
        await trio.sleep(18 + tenths / 10)
        await keeper(system).tell(Note(text="told"))
        assert await keeper(system).ask(Note(text="asked")) == sent + 2
        sent += 2
        await trio.sleep(60)
    assert Watched.loads["begun"] > 60
    assert system.letters.counts == {}


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=None))])
async def test_an_actor_without_an_idle_time_stays(system: System) -> None:
    await keeper(system).ask(Note(text="a"))
    await trio.sleep(80_000)
    assert system.router.cells
    await system.reset()
    await settled()
    assert not system.router.cells
    assert await keeper(system).ask(Note(text="a")) == 1


class Register(Keeper):
    """It refuses until somebody has written in it."""

    @override
    def holds_nothing(self) -> bool:
        return not self.kept


def refuse(actor: Any) -> None:
    raise Refusal


def cells(system: System) -> list[str]:
    return [str(address) for address in system.router.cells]


@on_stage(patterns=[keeping(Spec(Register, idle_after=1_000))])
async def test_an_actor_that_holds_nothing_goes_with_its_first_refusal(system: System) -> None:
    for _ in range(2):
        with pytest.raises(Refusal):
            await keeper(system).ask(Run(step=refuse))
        await settled()
        assert cells(system) == []
    assert await keeper(system).ask(Note(text="a")) == 1
    with pytest.raises(Refusal):
        await keeper(system).ask(Run(step=refuse))
    await settled()
    assert len(cells(system)) == 1, "it holds something now"


@on_stage(patterns=[keeping(Spec(Register, idle_after=1_000))])
async def test_nothing_is_lost_that_is_written_to_an_actor_that_is_about_to_go(system: System) -> None:
    came: list[Any] = []

    async def ask(message: Any) -> None:
        try:
            came.append(await keeper(system).ask(message))
        except ActorError as error:
            came.append(error)
        except Refusal:
            came.append("refused")

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(ask, Run(step=refuse) if number % 2 else Note(text="a"))
    assert sorted(came, key=str) == sorted([*range(1, 11), *["refused"] * 10], key=str)


class Broken(Register):
    @override
    def holds_nothing(self) -> bool:
        raise Bang


@on_stage(patterns=[keeping(Spec(Broken))])
async def test_an_actor_that_cannot_say_whether_it_holds_anything_has_crashed(system: System) -> None:
    with pytest.raises(Refusal):
        await keeper(system).ask(Run(step=refuse))
    await settled()
    (cell,) = system.router.cells.values()
    assert cell.restarts == 1


@on_stage(patterns=[keeping(Spec(Register))])
async def test_names_that_came_and_went_are_not_held_until_the_next_look(system: System) -> None:
    def cells_held() -> int:
        gc.collect()
        return sum(isinstance(thing, Cell) for thing in gc.get_objects())

    before = cells_held()
    for number in range(5_000):
        with pytest.raises(Refusal):
            await keeper(system, f"n{number}").ask(Run(step=refuse))
        if number % 50 == 0:
            await trio.sleep(0.001)
    await trio.sleep(0.001)
    assert not system.router.cells
    assert cells_held() - before < 2_500


@on_stage(patterns=[answering(lambda _: Spec(Player, idle_after=10.0))])
async def test_an_actor_with_stashed_messages_stays_until_they_are_handled(system: System) -> None:
    actor, came = keeper(system), list[Any]()

    def held(self: Any) -> Any:
        return "handled" if "open" in self.heard else self.ctx.stash()

    async def ask() -> None:
        came.append(await actor.ask(Run(step=held)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        first = await actor.ask(Run(step=itself))
        await trio.sleep(100)
        assert await actor.ask(Run(step=itself)) is first
        await actor.ask(Note(text="open"))
        await actor.ask(Run(step=lambda self: self.ctx.unstash()))
    assert came == ["handled"]
    await trio.sleep(100)
    assert actor.address not in system.router.cells


class Steps(trio.abc.Instrument):
    """How many addressed actors go within one step of a task, at most."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.most = 0
        self.before = 0

    @override
    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.before = len(self.system.router.cells)

    @override
    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.most = max(self.most, self.before - len(self.system.router.cells))


@on_stage(patterns=[Pattern("many", {"many": lambda _: Spec(Player, idle_after=5.0)})])
async def test_of_thousands_that_go_at_once_some_go_and_then_other_tasks_run(system: System) -> None:
    for number in range(3_500):
        await system.ref(Address.of("many", str(number))).ask(Run(step=lambda _: None))
    steps = Steps(system)
    trio.lowlevel.add_instrument(steps)
    await trio.sleep(30)
    trio.lowlevel.remove_instrument(steps)
    assert not any(path.startswith("/many/") for path in system.router.cells)
    assert 0 < steps.most <= LOOKS_AT_ONCE
