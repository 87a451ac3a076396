"""Faults of actors, in a system of their own whose time passes by itself."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from typing_extensions import override

from actors import Actor, Address, Deferred, Message, Ref, Spec, StartReason, StopReason, receive
from actors.durable import DurableActor, Put, Stored
from actors.errors import ActorCrashed, OutcomeUnknown, StartFailed
from runtime import Pattern, System
from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.faults.actors import EffectSeam, InjectedCrash, InjectedRefusal, StartSeam, TurnSeam
from runtime.faults.disk import around
from runtime.faults.engine import Faults
from runtime.faults.rule import Effect, FaultFile, Gate, Match, Rule
from runtime.store import MemoryStore, Store


class Add(Message[int]):
    """How many there are now."""


class Pass(Message[int]):
    """Tell the other one to add."""

    other: Ref[Add]


class Counter(Actor[Add | Pass]):
    count = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.count += 1
        return self.count

    @receive(Pass)
    def on_pass(self, message: Pass) -> int:
        self.ctx.tell(message.other, Add())
        return self.count


class Kept(DurableActor[Add]):
    count = 0

    @override
    async def load(self, stored: Stored) -> None:
        self.count = len(await stored.scan(""))

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.ctx.stage(Put(str(self.count), b""))
        self.count += 1
        return self.count


KEPT = Pattern("kept", {"kept": lambda _: Spec(Kept)})


def run(body: Callable[[System, VirtualClock], Awaitable[None]], store: Store | None = None) -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> None:
        async with System(patterns=[KEPT], store=store, clock=clock) as system:
            await body(system, clock)

    trio.run(main, clock=clock)


def faults(match: Match, effect: Effect, clock: VirtualClock, **gate: int) -> Faults:
    made = Faults(clock.now, Entropy(1))
    rule = Rule(name="a", match=match, effect=effect, gate=Gate(nth=(gate.get("nth", 1),)))
    made.put(FaultFile(faults=(rule,)), armed=True)
    return made


def test_an_actor_that_is_crashed_at_its_tell_has_told_nobody_and_is_restarted() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        first, other = system.spawn(Spec(Counter, name="first")), system.spawn(Spec(Counter, name="other"))
        crash = Match(at="effect", actor="/fi*", kind="tell")
        seam = EffectSeam(system, faults(crash, Effect(crash=True), clock))
        seam.install()
        with pytest.raises(ActorCrashed) as caught:
            await first.ask(Pass(other=other))
        assert isinstance(caught.value.__cause__, InjectedCrash)
        assert await first.ask(Pass(other=other)) == 0
        await trio.sleep(1)
        assert await other.ask(Add()) == 2

    run(body)


@pytest.mark.parametrize("told", [False, True])
def test_an_actor_that_is_crashed_at_its_reply_begins_anew(told: bool) -> None:  # noqa: FBT001
    async def body(system: System, clock: VirtualClock) -> None:
        counter = system.spawn(Spec(Counter, name="counter"))
        seam = EffectSeam(system, faults(Match(at="effect", kind="reply"), Effect(crash=True), clock))
        await counter.ask(Add())
        seam.install()
        if told:
            await counter.tell(Add())  # a mailbox's turn before it, so that the ask has to wait its turn
        with pytest.raises(ActorCrashed):
            await counter.ask(Add())
        await trio.sleep(1)
        assert await counter.ask(Add()) == 1

    run(body)


def test_a_seam_that_is_removed_crashes_nobody() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        counter = system.spawn(Spec(Counter, name="counter"))
        seam = EffectSeam(system, faults(Match(at="effect"), Effect(crash=True), clock))
        seam.install()
        seam.remove()
        assert await counter.ask(Add()) == 1

    run(body)


def test_a_message_that_is_kept_out_fails_its_ask_and_as_a_tell_is_a_dead_letter() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        counter = system.spawn(Spec(Counter, name="counter"))
        seam = TurnSeam(system.router, faults(Match(at="turn", of=Add.__name__), Effect(refuse=True), clock))
        seam.install()
        with pytest.raises(InjectedRefusal):
            await counter.ask(Add())
        assert await counter.ask(Add()) == 1
        system.router.interceptors = ()
        TurnSeam(system.router, faults(Match(at="turn"), Effect(refuse=True), clock)).install()
        await counter.tell(Add())
        assert system.letters.counts["fault"] == 2
        seam.remove()

    run(body)


def test_a_commit_whose_answer_is_lost_stands_and_its_actor_is_read_back() -> None:
    rules = Faults(lambda: 0.0, Entropy(1))
    store, seam = around(MemoryStore(), lambda: rules)
    seam.install()
    lost = Rule(
        name="a", match=Match(at="disk", actor="/kept/*"), effect=Effect(ack_lost=True), gate=Gate(budget=1)
    )
    rules.put(FaultFile(faults=(lost,)), armed=True)

    async def body(system: System, clock: VirtualClock) -> None:
        kept: Ref[Add] = system.ref(Address.of("kept", "a"))
        with pytest.raises(OutcomeUnknown):
            await kept.ask(Add())
        await trio.sleep(1)
        assert await kept.ask(Add()) == 2

    run(body, store)


class NotNow(Exception):
    """The shy one's answer."""


class Knock(Message[None], raises=(NotNow,)):
    pass


class Shy(Actor[Knock]):
    """Tells its other one as it starts and as it stops."""

    def __init__(self, other: Ref[Add]) -> None:
        self.other = other

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.tell(self.other, Add())

    @override
    async def stopping(self, reason: StopReason) -> None:
        self.ctx.tell(self.other, Add())

    @receive(Knock)
    def on_knock(self, _: Knock) -> None:
        raise NotNow


def test_an_actor_that_is_crashed_at_what_it_tells_as_it_starts_is_started_again() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        other = system.spawn(Spec(Counter, name="other"))
        let_out = Match(at="effect", actor="/shy")  # the second: the first is that it tells
        rules = faults(let_out, Effect(crash=True), clock, nth=2)
        EffectSeam(system, rules).install()
        shy = system.spawn(Spec(Shy, (other,), name="shy"))
        with pytest.raises(NotNow):
            await shy.ask(Knock())
        assert rules.counts["a"] == 1
        assert await other.ask(Add()) == 2, "the second start has told it"

    run(body)


def test_an_actor_that_is_crashed_at_the_answer_of_a_refusal_is_restarted() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        shy = system.spawn(Spec(Shy, (system.spawn(Spec(Counter, name="other")),), name="shy"))
        EffectSeam(
            system, faults(Match(at="effect", actor="/shy", kind="reply"), Effect(crash=True), clock)
        ).install()
        with pytest.raises(ActorCrashed):
            await shy.ask(Knock())
        with pytest.raises(NotNow):
            await shy.ask(Knock())

    run(body)


def test_an_actor_that_is_crashed_at_what_it_tells_as_it_stops_has_told_nobody_and_ends() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        other = system.spawn(Spec(Counter, name="other"))
        shy = system.spawn(Spec(Shy, (other,), name="shy"))
        with pytest.raises(NotNow):
            await shy.ask(Knock())
        let_out = Match(at="effect", actor="/shy")
        EffectSeam(system, faults(let_out, Effect(crash=True), clock, nth=2)).install()
        await system.stop(shy)
        assert await other.ask(Add()) == 2, "its start has told it, its end has not"

    run(body)


def test_an_actor_that_a_rule_keeps_from_starting_fails_as_one_whose_start_raises_and_comes_up_later() -> (
    None
):
    async def body(system: System, clock: VirtualClock) -> None:
        rules = Faults(clock.now, Entropy(1))
        match = Match(at="start", actor="/kept/*")
        rule = Rule(name="a", match=match, effect=Effect(refuse=True), gate=Gate(budget=2))
        rules.put(FaultFile(faults=(rule,)), armed=True)
        seam = StartSeam(system, rules)
        seam.install()
        kept: Ref[Add] = system.ref(Address.of("kept", "one"))
        for _ in range(2):
            with pytest.raises(StartFailed):
                await kept.ask(Add())
            await trio.sleep(60)
        assert await kept.ask(Add()) == 1
        assert rules.counts["a"] == 2
        seam.remove()

    run(body)


class Wait(Message[int]):
    """Answered by the next Answer."""


class Answer(Message[None]):
    pass


class Putting(Actor[Wait | Answer]):
    @receive(Wait)
    def on_wait(self, _: Wait) -> Deferred[int]:
        return self.ctx.defer("one")

    @receive(Answer)
    def on_answer(self, _: Answer) -> None:
        self.ctx.resolve("one", 1)


def test_an_asker_whose_late_answer_is_refused_by_a_crash_hears_of_it() -> None:
    async def body(system: System, clock: VirtualClock) -> None:
        putting = system.spawn(Spec(Putting, name="putting"))
        crash = Match(at="effect", actor="/putting", kind="reply")
        EffectSeam(system, faults(crash, Effect(crash=True), clock)).install()

        async def wait() -> None:
            with pytest.raises(ActorCrashed):
                await putting.ask(Wait())

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.sleep(1)
                await putting.tell(Answer())

    run(body)
