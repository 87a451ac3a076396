"""In which order a supervisor's children start, and what happens to those who wait for their turn."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Fresh, Spec, StartReason
from actors.address import Address
from actors.errors import ActorError, AskCycle
from actors.ref import Ref
from actors.supervision import Backoff, Intensity, Restart
from runtime.system import System
from runtime.testing import simulated
from tests.runtime.cast import Bang, Note, Player, Run, Wait, crash, on_stage, play, settled, unlogged
from tests.runtime.family import Child, Crowd, ForAll, RestForOne

FAST = Backoff(first=0)


async def brood(
    system: System,
    parent: type[Actor[Any]] = Player,
    names: str = "abc",
    *,
    takes: dict[str, float] | None = None,
    fails: dict[str, int] | None = None,
    spec: Callable[[str], dict[str, Any]] = lambda _: {},
) -> tuple[list[Ref[Any]], list[str]]:
    """Children that have just been spawned, in one turn."""
    Child.takes.clear()
    Child.fails.clear()
    Child.takes.update(takes or {})
    Child.fails.update(fails or {})
    heard: list[str] = []
    actor: Ref[Any] = system.spawn(Spec(parent, name="p", intensity=Intensity(100)))

    def spawns(self: Player) -> list[Ref[Any]]:
        return [self.ctx.spawn(Spec(Child, (heard, name), name=name, **spec(name))) for name in names]

    children = await actor.ask(Run(step=spawns))
    await settled()
    return children, heard


@on_stage()
async def test_each_child_is_up_before_the_next_begins(system: System) -> None:
    _, heard = await brood(system, takes={"a": 2, "b": 2})
    assert heard == ["a starts"]
    await trio.sleep(3)
    assert heard == ["a starts", "a up", "b starts"]
    await trio.sleep(3)
    assert heard[3:] == ["b up", "c starts", "c up"]


@on_stage()
async def test_those_below_the_root_start_in_order_too(system: System) -> None:
    Child.takes.clear()
    Child.fails.clear()
    Child.takes["a"] = 2
    heard: list[str] = []
    for name in "ab":
        system.spawn(Spec(Child, (heard, name)))
    await trio.sleep(3)
    assert heard == ["a starts", "a up", "b starts", "b up"]


@on_stage()
async def test_nobody_waits_for_a_child_that_is_not_to_be_waited_for(system: System) -> None:
    _, heard = await brood(
        system, takes={"a": 2, "b": 1, "c": 3}, spec=lambda name: {"wait_started": name != "a"}
    )
    assert sorted(heard) == ["a starts", "b starts"]
    await trio.sleep(5)
    assert heard[2:] == ["b up", "c starts", "a up", "c up"]


@on_stage()
async def test_a_child_that_fails_to_start_holds_up_the_next_until_it_is_up(system: System) -> None:
    _, heard = await brood(system, fails={"a": 2}, spec=lambda _: {"backoff": Backoff(first=10, jitter=0)})
    await trio.sleep(9)
    assert [line for line in heard if "stop" not in line] == ["a starts", "a starts"]
    await trio.sleep(2)
    assert heard[-6:] == ["a starts", "a up", "b starts", "b up", "c starts", "c up"]


@pytest.mark.parametrize("times", [0, 1])
def test_a_child_whose_constructor_fails_holds_up_the_next_until_it_is_up(times: int) -> None:
    async def program(system: System) -> None:
        left = [Bang()] * (1 + times)
        built: list[str] = []

        class Fragile(Player):
            def __init__(self, name: str) -> None:
                super().__init__()
                if name == "a" and left:
                    raise left.pop()
                built.append(name)

        backoff = Backoff(first=10, jitter=0)
        a, b = (system.spawn(Spec(Fragile, (name,), backoff=backoff)) for name in "ab")
        await settled()
        assert built == ([] if times else ["a", "b"])
        assert await b.ask(Note(text="up")) == 1
        assert built == ["a", "b"]
        assert await a.ask(Note(text="up")) == 1

    play(program)


@on_stage()
async def test_a_start_that_passes_its_deadline_is_a_failure_and_the_next_waits_for_the_restart(
    system: System,
) -> None:
    _, heard = await brood(
        system, takes={"a": 3}, spec=lambda _: {"start_timeout": 2, "backoff": Backoff(first=20, jitter=0)}
    )
    await trio.sleep(1)
    Child.takes.clear()
    await trio.sleep(2)
    assert heard[:4] == ["a starts", "a stopped CRASHED", "a starts", "a up"]
    assert heard[4:] == ["b starts", "b up", "c starts", "c up"]


@on_stage()
async def test_a_child_that_has_gone_for_good_holds_up_nobody(system: System) -> None:
    (_, b, _, _), heard = await brood(
        system,
        names="abcd",
        takes={"b": 4},
        fails={"a": 1},
        spec=lambda name: {"restart": Restart.TEMPORARY if name == "a" else Restart.PERMANENT},
    )
    assert heard == ["a starts", "a stopped CRASHED", "b starts"]
    await trio.sleep(1)
    await system.stop(b)
    await settled()
    assert heard[-4:] == ["c starts", "c up", "d starts", "d up"]


@on_stage()
async def test_a_child_that_is_stopped_in_the_line_never_starts(system: System) -> None:
    (_, b, c), heard = await brood(system, takes={"a": 4})
    await system.stop(b)
    await trio.sleep(6)
    assert heard == ["a starts", "a up", "c starts", "c up"]
    assert b.address not in system.router.cells
    assert await c.ask(Note(text="x"))


@on_stage()
async def test_mail_of_a_child_in_the_line_waits_in_its_order(system: System) -> None:
    (_, b, _), heard = await brood(system, takes={"a": 4})
    await b.tell(Note(text="one"))
    await b.tell(Note(text="two"))
    assert await b.ask(Note(text="asked")) > 0
    assert [line for line in heard if line in {"b up", "one", "two", "asked"}] == [
        "b up", "one", "two", "asked",
    ]  # fmt: skip


def test_a_system_that_stops_waits_for_mail_of_a_child_in_the_line() -> None:
    kept: list[str] = []

    async def program(system: System) -> None:
        _, heard = await brood(system, takes={"a": 4})
        plain = system.spawn(Spec(Player, (kept,), name="slow", wait_started=False))
        await plain.ask(Note(text="at once"))
        parent = system.spawn(Spec(Player, (heard,)))

        def spawns(self: Player) -> Any:
            self.ctx.spawn(Spec(Child, (heard, "a")))
            return self.ctx.spawn(Spec(Player, (kept,)))

        child = await parent.ask(Run(step=spawns))
        await child.tell(Note(text="in the line"))

    system = play(program)
    assert kept == ["at once", "in the line"]
    assert not system.letters.counts


@on_stage()
async def test_a_start_that_asks_a_sibling_behind_it_gets_a_cycle_and_does_not_hang(system: System) -> None:
    ends: list[str] = []

    class Eager(Player):
        @override
        async def started(self, reason: StartReason) -> None:
            for other in ("/b", "/c"):
                try:
                    await self.ctx.ref(Address(other)).ask(Note(text="x"))
                except AskCycle as error:
                    ends.append(" -> ".join(error.chain))

    system.spawn(Spec(Eager, name="a"))
    b, c = (system.spawn(Spec(Player, name=name)) for name in "bc")
    assert await c.ask(Note(text="up")) == 1
    assert ends == ["/a -> /b -> /a", "/a -> /c -> /a"]
    assert await b.ask(Note(text="up")) == 1


@on_stage()
async def test_who_is_up_may_ask_one_that_is_still_in_the_line(system: System) -> None:
    (a, *_), _ = await brood(system, takes={"b": 2})

    async def asks(self: Player) -> Any:
        return await self.ctx.ref(Address("/p/c")).ask(Note(text="x"))

    assert await a.ask(Wait(step=asks)) > 0


@pytest.mark.parametrize("parent", [ForAll, RestForOne])
def test_a_group_restart_takes_along_who_starts_and_leaves_alone_who_has_not_begun(
    parent: type[Player],
) -> None:
    async def program(system: System) -> None:
        (a, *_), heard = await brood(
            system, parent, names="abcd", takes={"b": 4}, spec=lambda _: {"backoff": FAST}
        )
        assert heard == ["a starts", "a up", "b starts"]
        await a.tell(Run(step=crash))
        await trio.sleep(1)
        assert [line for line in heard[3:] if "stop" not in line] == ["a starts", "a up", "b starts"]
        await trio.sleep(5)
        assert heard[-5:] == ["b up", "c starts", "c up", "d starts", "d up"]
        restarts = {cell.address.name: cell.restarts for cell in system.router.cells.values()}
        assert restarts == {"p": 0, "a": 1, "b": 1, "c": 0, "d": 0}

    play(program)


@on_stage()
async def test_dynamic_children_do_not_wait_for_each_other(system: System) -> None:
    heard: list[str] = []

    class Crew(Crowd):
        template: ClassVar[Spec[Any] | None] = Spec(Child)

    Child.takes.clear()
    Child.takes["x"] = 4
    parent = system.spawn(Spec(Crew))
    for _ in range(3):
        await parent.ask(Run(step=lambda self: self.ctx.start_child(heard, "x")))
    await settled()
    assert heard == ["x starts"] * 3


@on_stage()
async def test_thousands_that_need_no_wait_start_behind_one_that_does(system: System) -> None:
    Child.takes.clear()
    Child.takes["a"] = 1
    system.spawn(Spec(Child, ([], "a")))
    actors = [system.spawn(Spec(Player)) for _ in range(3_000)]
    assert await actors[-1].ask(Note(text="up")) == 1
    assert await actors[0].ask(Note(text="up")) == 1


class Starter(Child):
    """It takes a while to start, and fails one first start in four."""

    @override
    async def started(self, reason: StartReason) -> None:
        fresh = isinstance(reason, Fresh)
        self.heard.append(f"{self.name} {'begins' if fresh else 'begins anew'}")
        await trio.sleep(0.01 * self.ctx.entropy.fraction())
        if fresh and self.ctx.entropy.below(4) == 0:
            raise Bang
        self.heard.append(f"{self.name} up")


@pytest.mark.parametrize("parent", [Player, ForAll, RestForOne])
@simulated(seeds=40)
async def test_first_starts_keep_the_order_whatever_fails_meanwhile(
    system: System, parent: type[Player]
) -> None:
    heard: list[str] = []
    backoff = Backoff(first=0.005, most=0.05)

    def spawns(self: Player) -> list[Ref[Any]]:
        return [self.ctx.spawn(Spec(Starter, (heard, name), name=name, backoff=backoff)) for name in "abcdef"]

    async def client(child: Ref[Any]) -> None:
        await trio.sleep(0.05 * system.entropy.fraction())
        try:
            await child.ask(Run(step=crash))
        except ActorError:
            return

    with unlogged():
        actor = system.spawn(Spec(parent, intensity=Intensity(1_000)))
        children = await actor.ask(Run(step=spawns))
        async with trio.open_nursery() as nursery:
            for child in children:
                nursery.start_soon(client, child)
        for child in children:
            await child.ask(Note(text="all are up"))
    begun = [line for line in heard if "begins" in line]
    firsts = {line[0]: line for line in reversed(begun)}
    assert list(dict.fromkeys(line[0] for line in begun)) == list("abcdef")
    for before, name in zip("abcde", "bcdef", strict=True):
        assert heard.index(f"{before} up") < heard.index(firsts[name])
