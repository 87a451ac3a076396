"""The event stream: who is told what, that it loses rather than waits, and that nobody is told about itself."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.address import Address
from actors.errors import ActorCrashed
from actors.handlers import receive
from actors.ref import Ref
from actors.supervision import Intensity, Restart
from runtime.events import (
    QUEUE_MAX,
    ActorHasCrashed,
    ActorHasStopped,
    ActorIsUp,
    ActorIsUpAgain,
    LifeEvent,
)
from runtime.letters import DeadLetter
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, crash, on_stage, settled

Seen = list[Any]


class Listener(Actor[DeadLetter | ActorIsUp | ActorIsUpAgain | ActorHasCrashed | ActorHasStopped | Run]):
    def __init__(self, seen: Seen, *, fails: bool = False) -> None:
        self.seen = seen
        self.fails = fails

    def hear(self, event: Any) -> None:
        self.seen.append(event)
        if self.fails:
            raise Bang

    @receive(DeadLetter)
    def on_letter(self, message: DeadLetter) -> None:
        self.hear(message)

    @receive(ActorIsUp)
    def on_up(self, message: ActorIsUp) -> None:
        self.hear(message)

    @receive(ActorIsUpAgain)
    def on_again(self, message: ActorIsUpAgain) -> None:
        self.hear(message)

    @receive(ActorHasCrashed)
    def on_crash(self, message: ActorHasCrashed) -> None:
        self.hear(message)

    @receive(ActorHasStopped)
    def on_stop(self, message: ActorHasStopped) -> None:
        self.hear(message)

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)


@on_stage()
async def test_a_dead_letter_is_told_to_who_listens(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    system.events.subscribe(ref, DeadLetter)
    await system.ref(Address("/nobody")).tell(Note(text="a"))
    await settled()
    assert [(one.to, one.reason) for one in seen] == [("/nobody", "no_such_address")]


@on_stage()
async def test_the_life_of_an_actor_is_told_in_its_order(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    system.events.subscribe(ref, LifeEvent)
    actor = system.spawn(Spec(Player, name="p"))
    await actor.tell(Run(step=crash))
    await trio.sleep(1)
    await system.stop(actor)
    await settled()
    assert [type(one) for one in seen] == [ActorIsUp, ActorHasCrashed, ActorIsUpAgain, ActorHasStopped]
    assert {one.address for one in seen} == {"/p"}


@on_stage()
async def test_who_has_unsubscribed_is_told_nothing(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    system.events.subscribe(ref, DeadLetter)
    system.events.unsubscribe(ref, DeadLetter)
    await system.ref(Address("/nobody")).tell(Note(text="a"))
    await settled()
    assert seen == []
    assert not system.events.listening


@on_stage()
async def test_a_slow_listener_loses_the_oldest_and_holds_up_nobody(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    system.events.subscribe(ref, DeadLetter)

    def flood(_: Any) -> None:
        for number in range(QUEUE_MAX + 11):
            letter = DeadLetter(str(number), None, "Note", "stopped", 0.0)
            system.events.publish(letter, Address("/nobody"))

    await ref.ask(Run(step=flood))
    await settled()
    assert len(seen) == QUEUE_MAX + 1  # one was in the mailbox already
    assert [seen[0].to, seen[1].to, seen[-1].to] == ["0", "11", str(QUEUE_MAX + 10)]
    assert system.events.lost == 10


@on_stage(intensity=Intensity(restarts=100))
async def test_a_listener_that_crashes_is_not_told_of_its_own_crash(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(_failing(seen), name="l"))
    system.events.subscribe(ref, LifeEvent)
    system.events.subscribe(ref, DeadLetter)
    await system.ref(Address("/nobody")).tell(Note(text="a"))
    await trio.sleep(10)
    assert len(seen) == 1


def _failing(seen: Seen) -> Callable[[], Listener]:
    return lambda: Listener(seen, fails=True)


@on_stage()
async def test_a_subscription_ends_with_its_actor(system: System) -> None:
    ref: Ref[Any] = system.spawn(Spec(Listener, ([],), restart=Restart.TEMPORARY))
    system.events.subscribe(ref, LifeEvent)
    assert system.events.listening
    await system.stop(ref)
    assert not system.events.listening


@on_stage()
async def test_an_actor_subscribes_itself(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    await ref.ask(Run(step=lambda self: self.ctx.subscribe(DeadLetter)))
    await system.ref(Address("/nobody")).tell(Note(text="a"))
    await settled()
    assert len(seen) == 1


def subscribe(self: Player, to: Any) -> None:
    self.ctx.subscribe(to)


@on_stage()
async def test_who_subscribes_to_what_is_no_event_is_told_at_once_and_nobody_else_suffers(
    system: System,
) -> None:
    seen: Seen = []
    listener: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    player = system.spawn(Spec(Player))
    wrong: list[Any] = ["x", int, ValueError()]
    for bad in wrong:
        with pytest.raises(ActorCrashed, match="one subscribes to"):
            await player.ask(Run(step=partial(subscribe, to=bad)))
        with pytest.raises(TypeError, match="one subscribes to"):
            system.events.subscribe(listener, bad)
    system.events.subscribe(listener, DeadLetter)
    await system.ref(Address("/nobody")).tell(Note(text="a"))
    await settled()
    assert [letter.to for letter in seen] == ["/nobody"]


@on_stage()
async def test_a_dead_letter_about_an_event_is_counted_and_not_told(system: System) -> None:
    seen: Seen = []
    ref: Ref[Any] = system.spawn(Spec(Listener, (seen,)))
    system.events.subscribe(ref, DeadLetter)
    await system.ref(Address("/nobody")).tell(ActorIsUp(Address("/x"), 1))
    await settled()
    assert seen == []
    assert system.letters.counts["no_such_address"] == 1
