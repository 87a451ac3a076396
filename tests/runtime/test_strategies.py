"""Who is restarted with whom, in which order, and what happens when more fails meanwhile."""

from typing import Any, ClassVar

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec, StartReason, StopReason
from actors.errors import ActorCrashed, ActorRestarted, BadSpec, TooManyChildren
from actors.supervision import Backoff, Directive, Intensity, Restart
from runtime.observe.tree import as_text, snapshot
from runtime.system import System
from tests.runtime.cast import Bang, Keeper, Note, Player, Run, Wait, crash, on_stage, rest, settled
from tests.runtime.family import Child, Crowd, First, ForAll, Last, RestForOne, family


class Slow(Child):
    """It has much to say at its end."""

    @override
    async def stopping(self, reason: StopReason) -> None:
        await super().stopping(reason)
        await trio.sleep(2)


@on_stage()
async def test_one_for_all_stops_all_in_reverse_and_starts_them_in_order(system: System) -> None:
    _, (_, b, _), heard = await family(system, ForAll)
    await b.tell(Run(step=crash))
    await settled()
    assert heard == [
        "c stopping SIBLING_FAILED", "c stopped SIBLING_FAILED",
        "b stopped CRASHED",
        "a stopping SIBLING_FAILED", "a stopped SIBLING_FAILED",
        "a starts", "a up", "b starts", "b up", "c starts", "c up",
    ]  # fmt: skip


@on_stage()
async def test_rest_for_one_takes_those_spawned_later_along(system: System) -> None:
    _, (a, b, _), heard = await family(system, RestForOne)
    await b.tell(Run(step=crash))
    await settled()
    assert heard == [
        "c stopping SIBLING_FAILED", "c stopped SIBLING_FAILED", "b stopped CRASHED",
        "b starts", "b up", "c starts", "c up",
    ]  # fmt: skip
    assert await a.ask(Note(text="a was left alone"))


@on_stage()
async def test_each_is_started_before_the_next(system: System) -> None:
    _, (a, *_), heard = await family(system, ForAll)
    Child.takes["a"] = Child.takes["b"] = 2
    await a.tell(Run(step=crash))
    await trio.sleep(3)
    assert heard[-3:] == ["a starts", "a up", "b starts"]
    await trio.sleep(3)
    assert heard[-3:] == ["b up", "c starts", "c up"]


@on_stage()
async def test_mail_of_the_whole_group_waits_and_keeps_its_order(system: System) -> None:
    _, (a, b, c), heard = await family(system, ForAll, spec=lambda _: {"backoff": Backoff(first=5, jitter=0)})
    await a.tell(Run(step=crash))
    await settled()
    await a.tell(Run(step=crash))
    await settled()
    heard.clear()
    for text in ("one", "two", "three"):
        await c.tell(Note(text=text))
        await b.tell(Note(text=text))
    assert await c.ask(Note(text="asked")) > 0
    await settled()
    assert [line for line in heard if line in {"one", "two", "three", "asked"}][:3] == ["one", "two", "three"]
    assert heard.count("one") == 2
    assert "asked" in heard
    assert not system.letters.counts.keys() - {"crashed"}


@on_stage()
async def test_a_sibling_at_work_has_its_grace_and_takes_no_new_message_meanwhile(system: System) -> None:
    _, (a, b, _), heard = await family(system, ForAll)
    await b.tell(rest(3))
    await b.tell(Note(text="later"))
    await settled()
    await a.tell(Run(step=crash))
    await trio.sleep(2)
    assert "b stopping SIBLING_FAILED" not in heard
    await trio.sleep(2)
    assert heard.index("b stopping SIBLING_FAILED") < heard.index("b up") < heard.index("later")


@on_stage()
async def test_a_deferred_asker_of_a_sibling_is_told(system: System) -> None:
    _, (a, b, _), _ = await family(system, ForAll)
    ends: list[str] = []

    async def ask() -> None:
        with pytest.raises(ActorRestarted):
            await b.ask(Run(step=lambda self: self.ctx.defer("k")))
        ends.append("told")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        await a.tell(Run(step=crash))
    assert ends == ["told"]


@on_stage()
async def test_a_group_restart_counts_once(system: System) -> None:
    parent, (a, b, c), heard = await family(
        system, ForAll, intensity=Intensity(2, within=1_000), spec=lambda _: {"backoff": Backoff(first=0)}
    )
    for child in (a, c):
        await child.tell(Run(step=crash))
        await settled()
    heard.clear()
    assert await parent.ask(Run(step=lambda self: len(self.ctx.children()))) == 3
    await b.tell(Run(step=crash))
    await settled()
    assert [line for line in heard if "up" in line] == []
    assert system.router.cells[parent.address].restarts == 1, "one more, and the supervisor fails"


@on_stage()
async def test_a_second_failure_during_the_wait_joins_it_and_keeps_the_longer_delay(system: System) -> None:
    def spec(name: str) -> dict[str, Any]:
        return {"backoff": Backoff(first=30 if name == "a" else 10, jitter=0)}

    parent, (a, b, _), heard = await family(
        system, RestForOne, intensity=Intensity(4, within=1_000), spec=spec
    )
    for child in (a, b):  # their first restarts come at once
        await child.tell(Run(step=crash))
        await trio.sleep(1)
    heard.clear()
    await b.tell(Run(step=crash))
    await trio.sleep(5)
    await a.tell(Run(step=crash))
    await trio.sleep(29)
    assert heard[-1] == "a stopped CRASHED"
    await trio.sleep(2)
    assert heard[-6:] == ["a starts", "a up", "b starts", "b up", "c starts", "c up"]
    assert system.router.cells[parent.address].restarts == 0
    for _ in range(2):  # 2 + 1 counted so far; the joined one was not
        assert system.router.cells[parent.address].restarts == 0
        await a.tell(Run(step=crash))
        await trio.sleep(70)
    assert system.router.cells[parent.address].restarts == 1


@on_stage()
async def test_a_second_failure_with_a_shorter_delay_does_not_shorten_the_wait(system: System) -> None:
    def spec(name: str) -> dict[str, Any]:
        return {"backoff": Backoff(first=30 if name == "b" else 2, jitter=0)}

    _, (a, b, _), heard = await family(system, RestForOne, spec=spec)
    for child in (a, b, b):
        await child.tell(Run(step=crash))
        await trio.sleep(1)
    await a.tell(Run(step=crash))
    await trio.sleep(27)
    assert heard[-1] == "a stopped CRASHED"
    await trio.sleep(3)
    assert heard[-1] == "c up"


@on_stage()
async def test_a_child_that_fails_while_it_starts_counts_and_the_restart_goes_on_from_it(
    system: System,
) -> None:
    _, (a, *_), heard = await family(system, ForAll, spec=lambda _: {"backoff": Backoff(first=10, jitter=0)})
    Child.fails["b"] = 2
    await a.tell(Run(step=crash))
    await settled()
    assert heard[-5:] == ["a up", "b starts", "b stopped CRASHED", "b starts", "b stopped CRASHED"]
    await trio.sleep(11)
    assert heard[-4:] == ["b starts", "b up", "c starts", "c up"]
    assert heard.count("a up") == 1, "it does not begin again from the first"
    restarts = {cell.address.name: cell.restarts for cell in system.router.cells.values()}
    assert restarts == {"p": 0, "a": 1, "b": 3, "c": 1}


@on_stage()
async def test_starts_that_go_on_failing_reach_the_limit(system: System) -> None:
    parent, (a, *_), heard = await family(
        system, ForAll, intensity=Intensity(3, within=100), spec=lambda _: {"backoff": Backoff(first=0)}
    )
    Child.fails["b"] = 1_000
    await a.tell(Run(step=crash))
    await trio.sleep(10)
    assert heard.count("b starts") == 3
    assert system.router.cells[parent.address].restarts == 1
    assert len(system.router.cells) == 1, "its children have gone"


@on_stage()
async def test_a_child_that_was_started_again_and_fails_takes_its_group_down_again(system: System) -> None:
    _, (a, b, _), heard = await family(system, ForAll, spec=lambda _: {"backoff": Backoff(first=0)})
    Child.takes["b"] = 4
    await b.tell(Run(step=crash))
    await trio.sleep(1)
    heard.clear()
    await a.tell(Run(step=crash))
    await trio.sleep(1)
    assert heard == [
        "b stopping SIBLING_FAILED", "b stopped SIBLING_FAILED", "a stopped CRASHED",
        "a starts", "a up", "b starts",
    ]  # fmt: skip
    await trio.sleep(4)
    assert heard[-3:] == ["b up", "c starts", "c up"]


@on_stage()
async def test_temporary_children_of_a_group_are_stopped_and_stay_away(system: System) -> None:
    def spec(name: str) -> dict[str, Any]:
        return {"restart": Restart.TEMPORARY} if name == "b" else {}

    parent, (a, b, _), heard = await family(system, ForAll, spec=spec)
    await a.tell(Run(step=crash))
    await settled()
    assert heard[2:5] == ["b stopping SIBLING_FAILED", "b stopped SIBLING_FAILED", "a stopped CRASHED"]
    assert b.address not in system.router.cells
    names = await parent.ask(Run(step=lambda self: [ref.address.name for ref in self.ctx.children()]))
    assert names == ["a", "c"]


@on_stage()
async def test_a_supervisor_at_its_limit_starts_none_of_the_group_any_more(system: System) -> None:
    _, (a, *_), heard = await family(
        system, ForAll, intensity=Intensity(1, within=100), spec=lambda _: {"backoff": Backoff(first=0)}
    )
    Child.fails["a"] = 1
    await a.tell(Run(step=crash))
    await trio.sleep(10)
    assert heard[-2:] == ["a starts", "a stopped CRASHED"]


@pytest.mark.parametrize("ends", ["gives up", "is stopped"])
def test_a_child_does_not_come_back_from_its_backoff_while_its_supervisor_ends(ends: str) -> None:
    async def program(system: System) -> None:
        Child.takes.clear()
        Child.fails.clear()
        heard: list[str] = []
        parent = system.spawn(Spec(Player, intensity=Intensity(2, within=1_000)))

        def spawns(self: Player) -> Any:
            return [
                self.ctx.spawn(Spec(kind, (heard, name), backoff=Backoff(first=1, jitter=0)))
                for kind, name in ((Child, "a"), (Child, "b"), (Slow, "c"))
            ]

        a, b, _ = await parent.ask(Run(step=spawns))
        for _ in range(2):  # the first restart comes at once, the second waits
            await a.tell(Run(step=crash))
            await settled()
        heard.clear()
        if ends == "gives up":
            await b.tell(Run(step=crash))
            await trio.sleep(10)
        else:
            await system.stop(parent)
        assert heard[0].startswith("c stopping"), "which takes longer than the backoff of a"
        assert not [line for line in heard if line.startswith("a")]

    on_stage()(program)()


@pytest.mark.parametrize(
    "policy", [{"restart": Restart.TEMPORARY}, {"directives": ((Bang, Directive.STOP),)}]
)
def test_a_child_that_ends_of_its_failure_leaves_its_group_alone(policy: dict[str, Any]) -> None:
    async def program(system: System) -> None:
        _, (_, b, _), heard = await family(system, ForAll, spec=lambda _: policy)
        await b.tell(Run(step=crash))
        await settled()
        assert heard == ["b stopped CRASHED"]

    on_stage()(program)()


@on_stage()
async def test_a_child_that_is_stopped_while_its_group_restarts_is_not_started_again(system: System) -> None:
    _, (a, b, _), heard = await family(system, ForAll)
    Child.takes["a"] = 3
    await a.tell(Run(step=crash))
    await trio.sleep(1)
    await system.stop(b)
    await trio.sleep(10)
    assert [line for line in heard if line.endswith("up")] == ["a up", "c up"]
    assert b.address not in system.router.cells


@on_stage()
async def test_a_child_that_is_stopped_in_its_last_words_to_the_group_says_them_once(system: System) -> None:
    Child.takes.clear()
    heard: list[str] = []
    parent = system.spawn(Spec(ForAll))

    def spawns(self: Player) -> Any:
        return [self.ctx.spawn(Spec(Slow, (heard, name))) for name in "ab"]

    a, b = await parent.ask(Run(step=spawns))
    await settled()
    await a.tell(Run(step=crash))
    await trio.sleep(1)
    await system.stop(b)
    assert heard.count("b stopping SIBLING_FAILED") == 1
    assert len([line for line in heard if line.startswith("b stopp")]) == 2


# --- directives ------------------------------------------------------------------------------------------


@on_stage()
async def test_resume_keeps_the_incarnation_and_its_memory(system: System) -> None:
    actor = system.spawn(Spec(Player, directives=((Bang, Directive.RESUME),)))
    assert await actor.ask(Note(text="a")) == 1

    async def crashes_late(self: Player) -> None:
        self.ctx.timer("never", 1, Note(text="never"))
        await trio.sleep(1)
        crash(self)

    for message in (Run(step=crash), Wait(step=crashes_late)):
        with pytest.raises(ActorCrashed):
            await actor.ask(message)
    await actor.tell(Run(step=crash))
    await trio.sleep(10)
    assert await actor.ask(Note(text="b")) == 2
    assert system.router.cells[actor.address].restarts == 0
    assert system.letters.counts == {"crashed": 1}


@on_stage()
async def test_a_supervisor_at_its_limit_does_not_resume(system: System) -> None:
    heard: list[str] = []
    spec = Spec(Player, directives=((Exception, Directive.RESUME),), intensity=Intensity(0))
    parent = system.spawn(spec)
    await parent.ask(Note(text="x"))
    child = await parent.ask(Run(step=lambda self: self.ctx.spawn(Spec(Child, (heard, "c")))))
    await child.tell(Run(step=crash))
    await settled()
    assert await parent.ask(Note(text="begun anew")) == 1


@on_stage()
async def test_a_spec_whose_function_builds_a_durable_actor_may_not_resume(system: System) -> None:
    spec: Spec[Any] = Spec(
        lambda: Keeper([]), directives=((BadSpec, Directive.STOP), (Bang, Directive.RESUME))
    )
    actor = system.spawn(spec)
    await settled()
    assert actor.address not in system.router.cells


# --- significant children --------------------------------------------------------------------------------


def significant(name: str) -> dict[str, Any]:
    return {"restart": Restart.TEMPORARY, "significant": name != "c"}


@on_stage()
async def test_the_first_significant_child_that_ends_by_itself_takes_its_supervisor_along(
    system: System,
) -> None:
    parent, (a, *_), heard = await family(system, First, spec=significant)
    await a.tell(Run(step=lambda self: self.ctx.stop()))
    await settled()
    assert heard == [
        "a stopping STOP", "a stopped STOP",
        "c stopping SHUTDOWN", "c stopped SHUTDOWN", "b stopping SHUTDOWN", "b stopped SHUTDOWN",
    ]  # fmt: skip
    assert parent.address not in system.router.cells


@on_stage()
async def test_the_last_significant_child_takes_its_supervisor_along(system: System) -> None:
    parent, (a, b, c), _ = await family(system, Last, spec=significant)
    for child in (c, a):
        await child.tell(Run(step=crash))
        await settled()
        assert parent.address in system.router.cells
    await b.tell(Run(step=crash))
    await settled()
    assert not system.router.cells


@on_stage()
async def test_who_stands_behind_a_significant_child_that_cannot_start_is_not_started(system: System) -> None:
    class Elders(First):
        @override
        async def started(self, reason: StartReason) -> None:
            for name in "ab":
                self.ctx.spawn(Spec(Child, (self.heard, name), name=name, **significant(name)))

        @override
        async def stopping(self, reason: StopReason) -> None:
            await trio.sleep(1)

    Child.takes.clear()
    Child.fails.clear()
    Child.fails["a"] = 1
    heard: list[str] = []
    parent = system.spawn(Spec(Elders, (heard,)))
    await trio.sleep(10)
    assert heard == ["a starts", "a stopped CRASHED"]
    assert parent.address not in system.router.cells


@on_stage()
async def test_a_significant_child_that_is_stopped_from_outside_takes_nobody_along(system: System) -> None:
    parent, (a, *_), _ = await family(system, First, spec=significant)
    await system.stop(a)
    await settled()
    assert parent.address in system.router.cells


@on_stage()
async def test_a_significant_child_needs_a_supervisor_that_looks_at_it(system: System) -> None:
    parent = system.spawn(Spec(Player))
    spec: Spec[Any] = Spec(Player, restart=Restart.TEMPORARY, significant=True)

    def spawns(self: Player) -> None:
        with pytest.raises(BadSpec):
            self.ctx.spawn(spec)

    await parent.ask(Run(step=spawns))


# --- dynamic children ------------------------------------------------------------------------------------


@on_stage()
async def test_dynamic_children_come_from_the_template_and_are_bounded(system: System) -> None:
    heard: list[str] = []
    parent = system.spawn(Spec(Crowd, name="p"))

    def start(self: Player) -> Any:
        return self.ctx.start_child(heard, "x")

    children = [await parent.ask(Run(step=start)) for _ in range(3)]
    with pytest.raises(TooManyChildren):
        await parent.ask(Run(step=start))
    assert system.router.cells[parent.address].restarts == 0, "a refusal, no crash"
    assert [child.address for child in children] == ["/p/child-1", "/p/child-2", "/p/child-3"]
    await children[0].tell(Run(step=lambda self: self.ctx.stop()))
    await children[1].tell(Run(step=crash))
    await settled()
    assert system.router.cells[children[1].address].restarts == 1, "it alone"
    assert system.router.cells[children[2].address].restarts == 0
    await parent.ask(Run(step=start))
    assert await parent.ask(Run(step=lambda self: len(self.ctx.children()))) == 3


@on_stage()
async def test_dynamic_children_stop_all_at_once(system: System) -> None:
    heard: list[str] = []

    class Slow(Child):
        @override
        async def stopping(self, reason: StopReason) -> None:
            await trio.sleep(3)

    class Slows(Crowd):
        template: ClassVar[Spec[Any] | None] = Spec(Slow)

    parent = system.spawn(Spec(Slows))
    for _ in range(3):
        await parent.ask(Run(step=lambda self: self.ctx.start_child(heard, "x")))
    await settled()  # who has not started has nothing to stop
    before = system.clock.now()
    await system.stop(parent)
    assert 3 <= system.clock.now() - before < 4


@on_stage()
async def test_spawn_and_template_do_not_mix(system: System) -> None:
    def spawns(self: Player) -> None:
        with pytest.raises(BadSpec):
            self.ctx.spawn(Spec(Player))

    def starts(self: Player) -> None:
        with pytest.raises(BadSpec):
            self.ctx.start_child([], "x")

    await system.spawn(Spec(Crowd)).ask(Run(step=spawns))
    await system.spawn(Spec(Player)).ask(Run(step=starts))


@on_stage()
async def test_the_tree_shows_strategy_and_intensity(system: System) -> None:
    await family(system, RestForOne, intensity=Intensity(7, within=60))
    text = as_text(snapshot(system))
    assert "[rest_for_one, 7 restarts in 60 s, all children together]" in text
    assert text.startswith("/  [one_for_one, 3 restarts in 30 s, all children together]")
    (node,) = snapshot(system)["children"]
    assert (node["strategy"], len(node["children"])) == ("rest_for_one", 3)
