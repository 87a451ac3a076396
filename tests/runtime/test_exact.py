"""An exact ref means the incarnation that lives now: none of its successors hears what is said through it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actors import Actor, Address, Message, Ref, Retry, Spec, receive
from actors.errors import ActorStopped, DeadLettered, Stale
from runtime.pattern import Pattern
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, crash, on_stage, rest, settled


class Introduce(Message[None]):
    """You may write to `other`."""

    other: Ref[Note]


class Hand(Message[int]):
    """Handed on."""


class Postman(Actor[Run | Hand]):
    """It hands on to `to`."""

    def __init__(self, to: Ref[Any]) -> None:
        self.to = to

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Hand)
    def on_hand(self, message: Hand) -> Any:
        return self.ctx.forward(self.to)


def by_text(message: Any) -> float:
    return ord(message.text) if isinstance(message, Note) else 0.0


class Handy(Player):
    @receive(Hand)
    def on_hand(self, message: Hand) -> int:
        return 7


async def crashed(actor: Ref[Any]) -> None:
    """It has crashed, and its successor is up."""
    await actor.tell(Run(step=crash))
    await trio.sleep(10)


def spawned(system: System, heard: list[str], **options: Any) -> Ref[Any]:
    return system.spawn(Spec(Handy, (heard,), **options))


async def told(_: System, exact: Ref[Any]) -> None:
    await exact.tell(Note(text="x"))


async def told_in_a_turn(system: System, exact: Ref[Any]) -> None:
    speaker = system.spawn(Spec(Player))
    await speaker.ask(Run(step=lambda self: self.ctx.tell(exact, Note(text="x"))))


async def told_through_the_ref_in_a_turn(system: System, exact: Ref[Any]) -> None:
    speaker = system.spawn(Spec(Player))
    await speaker.ask(Wait(step=lambda _: exact.tell(Note(text="x"))))


async def asked(_: System, exact: Ref[Any]) -> None:
    await exact.ask(Note(text="x"))


async def asked_in_time(_: System, exact: Ref[Any]) -> None:
    await exact.ask(Note(text="x"), within=60)


async def forwarded(system: System, exact: Ref[Any]) -> None:
    await system.spawn(Spec(Postman, (exact,))).ask(Hand())


Say = Callable[[System, Ref[Any]], Awaitable[None]]
TELLS = [told, told_in_a_turn, told_through_the_ref_in_a_turn]
ASKS = [asked, asked_in_time, forwarded]


async def say(system: System, exact: Ref[Any], how: Say) -> None:
    if how in ASKS:
        with pytest.raises(Stale) as stale:
            await how(system, exact)
        assert stale.value.reason == "stale"
    else:
        await how(system, exact)
        await settled()


@pytest.mark.parametrize("how", [*TELLS, *ASKS])
def test_its_incarnation_hears_what_is_said_through_it(how: Say) -> None:
    @on_stage()
    async def program(system: System) -> None:
        heard: list[str] = []
        await how(system, spawned(system, heard).exact())
        await settled()
        assert heard == ["x"] or how is forwarded
        assert not system.letters.counts

    program()


@pytest.mark.parametrize("how", [*TELLS, *ASKS])
def test_its_successor_does_not_and_that_is_a_dead_letter(how: Say) -> None:
    @on_stage()
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = spawned(system, heard)
        exact = actor.exact()
        await crashed(actor)
        before = system.letters.counts["stale"]
        await say(system, exact, how)
        assert heard == []
        assert system.letters.counts["stale"] == before + 1
        assert system.letters.newest[-1].to == actor.address
        assert await actor.ask(Note(text="y")) == 1

    program()


@pytest.mark.parametrize("how", [*TELLS, *ASKS])
def test_nor_does_it_hear_what_still_waited_in_the_mailbox_when_its_incarnation_ended(how: Say) -> None:
    @on_stage()
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = spawned(system, heard)
        exact = actor.exact()
        await settled()
        await actor.tell(rest(5))
        await actor.tell(Run(step=crash))
        await settled()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, system, exact, how)
            await settled()
            await actor.tell(Note(text="for anybody"))
        await trio.sleep(20)
        assert heard == ["for anybody"]
        assert system.letters.counts["stale"] == 1

    program()


@on_stage()
async def test_the_mail_of_a_stopped_incarnation_ends_like_any_other(system: System) -> None:
    actor = spawned(system, [])
    exact = actor.exact()
    await settled()
    await actor.tell(rest(60))

    async def ask() -> None:
        with pytest.raises(ActorStopped):
            await exact.ask(Note(text="x"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        await system.stop(actor)
    assert system.letters.counts["stale"] == 0


@on_stage()
async def test_whoever_is_spawned_at_the_same_address_later_is_another(system: System) -> None:
    first = spawned(system, [], name="a")
    exact = first.exact()
    await settled()
    await system.stop(first)
    second = spawned(system, [], name="a")
    await settled()
    assert second == first
    assert second.exact() != exact
    with pytest.raises(Stale):
        await exact.ask(Note(text="x"))


@on_stage(patterns=[Pattern("players", {"player": lambda _: Spec(Player, idle_after=5.0)})])
async def test_an_actor_that_was_passivated_and_comes_back_is_another(system: System) -> None:
    ref = system.ref(Address("/player/a"))
    exact = ref.exact()
    assert await exact.ask(Note(text="x")) == 1
    await trio.sleep(60)
    with pytest.raises(Stale):
        await exact.ask(Note(text="x"))
    assert await ref.ask(Note(text="x")) == 1


@on_stage()
async def test_where_nobody_lives_there_is_nobody_to_pin(system: System) -> None:
    with pytest.raises(DeadLettered, match="no_such_address"):
        system.ref(Address("/nobody")).exact()


@on_stage()
async def test_exact_refs_are_equal_by_incarnation_and_say_it_in_a_message(system: System) -> None:
    actor = spawned(system, [])
    first = actor.exact()
    assert first == actor.exact() == first.exact()
    assert hash(first) == hash(actor.exact())
    assert first != actor
    await crashed(actor)
    second = actor.exact()
    assert first != second
    assert len({actor, first, second}) == 3
    message = Introduce(other=first)
    assert message.other is first
    assert message.model_dump_json() == f'{{"other":"{first}"}}'
    assert str(first).startswith(f"{actor}#")
    assert first.address == actor.address


@on_stage()
async def test_by_priority_a_message_for_one_incarnation_has_its_own_place(system: System) -> None:
    heard: list[str] = []
    actor = spawned(system, heard, priority=by_text)
    await settled()
    await actor.tell(rest(5))
    await actor.tell(Note(text="z"))
    await actor.exact().tell(Note(text="a"))
    await trio.sleep(20)
    assert heard == ["a", "z"]


@on_stage()
async def test_a_message_that_its_incarnation_has_begun_is_tried_again_like_any_other(system: System) -> None:
    tries: list[Any] = []

    def once(self: Any) -> int:
        tries.append(self)
        if len(tries) == 1:
            crash(self)
        return len(tries)

    actor = spawned(system, [], poison=Retry(3))
    await settled()
    await actor.tell(rest(5))
    assert await actor.exact().ask(Run(step=once)) == 2


@on_stage()
async def test_a_limit_or_a_breaker_for_an_address_counts_what_is_said_to_an_incarnation_of_it(
    system: System,
) -> None:
    seen: list[tuple[str, str]] = []
    actor = spawned(system, [])
    exact = actor.exact()
    system.router.interceptors = (lambda to, _: seen.append(("before", to)),)
    system.router.judges = (lambda to, _: seen.append(("after", to)),)
    await exact.ask(Note(text="x"))
    assert seen == [("before", actor.address), ("after", actor.address)]


@on_stage()
async def test_pins_are_forgotten_with_their_incarnations(system: System) -> None:
    actor = spawned(system, [])
    actor.exact()
    assert len(system.reach.pins) == 1
    await crashed(actor)
    assert len(system.reach.pins) == 0
