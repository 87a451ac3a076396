"""The sampled trace of messages: what belongs to what, how it ended, and that a run is the same with it and without."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors import Address, Message, Ref, Spec, receive
from actors.actor import Actor
from actors.durable import DurableActor, Put, Stored
from actors.errors import ActorCrashed, BadSpec
from actors.supervision import Intensity
from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.lab.simulation import simulate
from runtime.observe.tracing import HOPS_MAX, Kind, Span, TraceSample, Tracing
from runtime.store import Disk, MemoryStore
from runtime.system import System
from tests.runtime.cast import Foreign, Note, Player, Refusal, Run, Wait, crash, refuse
from tests.runtime.test_interleaving import Glance, Patient


class Keep(Message[int]):
    """Write one row; the answer is how many there are."""


class Book(DurableActor[Keep]):
    """It tells `other` of each row."""

    kept = 0

    def __init__(self, other: Ref[Note]) -> None:
        self.other = other

    @override
    async def load(self, stored: Stored) -> None:
        self.kept = len(await stored.scan(""))

    @receive(Keep)
    def on_keep(self, message: Keep) -> int:
        self.ctx.stage(Put(str(self.kept), b"secret"))
        self.ctx.tell(self.other, Note(text="kept"))
        self.kept += 1
        return self.kept


class Circle(Actor[Note]):
    """Tells itself for ever."""

    left = 3 * HOPS_MAX

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.left -= 1
        if self.left:
            self.ctx.tell(self.ctx.me, message)
        return self.left


def traced(
    test: Callable[[System], Awaitable[None]], rate: float = 1.0, **options: Any
) -> Callable[[], None]:
    """On a stage whose time is virtual, with tracing on."""

    def run() -> None:
        clock = VirtualClock(autojump=True)

        async def main() -> None:
            async with System(
                clock=clock, entropy=Entropy(1), tracing=TraceSample(rate), **options
            ) as system:
                await test(system)

        trio.run(main, clock=clock)

    return run


def on_trace(rate: float = 1.0, **options: Any) -> Callable[[Callable[[System], Awaitable[None]]], Any]:
    return lambda test: traced(test, rate, **options)


def spans(system: System) -> list[Span]:
    assert system.tracing is not None
    return system.tracing.spans()


def tree(found: list[Span]) -> dict[str, str]:
    """`kind name to` -> the same of its parent."""
    names = {span.span_id: f"{span.kind.value} {span.name} {span.to}" for span in found}
    return {names[span.span_id]: names.get(span.parent_id or "", "") for span in found}


@on_trace()
async def test_an_ask_its_turn_and_the_turns_own_ask_are_one_trace(system: System) -> None:
    inner = system.spawn(Spec(Player, name="inner"))
    outer = system.spawn(Spec(Player, name="outer"))

    async def asks(_: Player) -> int:
        answer: int = await inner.ask(Note(text="secret"))
        return answer

    assert await outer.ask(Wait(step=asks)) == 1
    assert tree(spans(system)) == {
        "ask Wait /outer": "",
        "handle Wait /outer": "ask Wait /outer",
        "ask Note /inner": "handle Wait /outer",
        "handle Note /inner": "ask Note /inner",
    }
    assert len({span.trace_id for span in spans(system)}) == 1
    senders = {(span.kind, span.to): span.sender for span in spans(system)}
    assert senders[Kind.ASK, "/inner"] == senders[Kind.TURN, "/inner"] == "/outer"
    assert senders[Kind.ASK, "/outer"] is None


@on_trace()
async def test_a_told_message_belongs_to_the_turn_that_told_it_and_says_how_long_it_waited(
    system: System,
) -> None:
    slow = system.spawn(Spec(Player, name="slow"))
    actor = system.spawn(Spec(Player, name="actor"))

    async def three_seconds(_: Player) -> None:
        await trio.sleep(3)

    await slow.tell(Wait(step=three_seconds))
    await actor.ask(Run(step=lambda me: me.ctx.tell(slow, Note(text="x"))))
    await trio.sleep(4)
    told = next(span for span in spans(system) if span.name == "Note")
    assert tree(spans(system))["handle Note /slow"] == "handle Run /actor"
    assert told.sender == "/actor"
    assert told.waited == 3
    assert (told.outcome, told.failed) == ("returned", False)


@on_trace(store=MemoryStore(Disk(), commit_time=lambda: 0.25))
async def test_a_commit_is_a_span_of_the_turn_that_staged_and_what_it_holds_back_belongs_to_that_turn(
    system: System,
) -> None:
    other = system.spawn(Spec(Player, name="other"))
    book = system.spawn(Spec(Book, (other,), name="book"))
    assert await book.ask(Keep()) == 1
    await trio.sleep(1)
    assert tree(spans(system)) == {
        "ask Keep /book": "",
        "handle Keep /book": "ask Keep /book",
        "commit commit /book": "handle Keep /book",
        "handle Note /other": "handle Keep /book",
    }
    took = {span.kind: span.ended - span.began for span in spans(system) if span.ended is not None}
    assert took[Kind.COMMIT] == took[Kind.ASK] == 0.25


@on_trace()
async def test_a_timers_message_and_a_pipes_result_belong_to_the_turn_that_began_them(system: System) -> None:
    other = system.spawn(Spec(Player, name="other"))
    actor = system.spawn(Spec(Player, name="actor"))

    def begin(me: Player) -> None:
        me.ctx.timer("soon", 5, Note(text="timer"))
        me.ctx.pipe(lambda: other.ask(Note(text="asked")), lambda _: Note(text="piped"))

    await actor.ask(Run(step=begin))
    await trio.sleep(10)
    assert tree(spans(system))["ask Note /other"] == "handle Run /actor"
    notes = [
        span
        for span in spans(system)
        if span.kind is Kind.TURN and (span.name, span.to) == ("Note", "/actor")
    ]
    assert [span.ended for span in notes] == [notes[0].began, notes[0].began + 5]
    assert {span.trace_id for span in notes} == {spans(system)[0].trace_id}


@on_trace()
async def test_a_periodic_timers_later_ticks_are_traces_of_their_own(system: System) -> None:
    actor = system.spawn(Spec(Player, name="actor"))
    await actor.ask(Run(step=lambda me: me.ctx.timer("tick", 1, Note(text="tick"), every=1)))
    await trio.sleep(3.5)
    ticks = [span for span in spans(system) if span.name == "Note"]
    assert len(ticks) == 3
    assert [span.parent_id is None for span in ticks] == [False, True, True]
    assert len({span.trace_id for span in ticks}) == 3


@on_trace()
async def test_a_deferred_ask_lasts_until_its_answer_and_its_turn_does_not(system: System) -> None:
    actor = system.spawn(Spec(Player, name="actor"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.ask, Run(step=lambda me: me.ctx.defer("later")))
        await trio.sleep(2)
        await actor.ask(Run(step=lambda me: me.ctx.resolve("later", 7)))
    turn = next(span for span in spans(system) if span.outcome == "deferred")
    asked = next(span for span in spans(system) if span.span_id == turn.parent_id)
    assert (turn.kind, turn.ended) == (Kind.TURN, turn.began)
    assert asked.ended == turn.began + 2
    assert asked.outcome == "replied"


@on_trace(intensity=Intensity(restarts=10))
async def test_a_refusal_is_an_answer_and_a_crash_a_failure_and_neither_leaves_its_text(
    system: System,
) -> None:
    actor = system.spawn(Spec(Player, name="actor"))
    with pytest.raises(Refusal):
        await actor.ask(Run(step=refuse))
    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=crash))
    ends = [(span.kind, span.outcome, span.failed) for span in spans(system)]
    assert ends == [
        (Kind.TURN, "Refusal", False),
        (Kind.ASK, "Refusal", False),
        (Kind.TURN, "Bang", True),
        (Kind.ASK, "ActorCrashed", True),
    ]


@on_trace()
async def test_a_turn_in_the_pause_of_another_is_its_own_and_leaves_the_other_as_it_was(
    system: System,
) -> None:
    other = system.spawn(Spec(Player, name="other"))
    patient = system.spawn(Spec(Patient, name="patient"))

    async def waits_and_asks(_: Player) -> int:
        await trio.sleep(5)
        return await other.ask(Note(text="behind the pause"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(patient.ask, Wait(step=waits_and_asks))
        await trio.sleep(1)
        await patient.ask(Glance(step=lambda me: me.ctx.tell(other, Run(step=lambda _: None))))
    found = tree(spans(system))
    assert found["handle Glance /patient"] == "ask Glance /patient"
    assert found["handle Run /other"] == "handle Glance /patient"
    assert found["ask Note /other"] == "handle Wait /patient"


@on_trace()
async def test_a_message_that_reached_nobody_is_a_span_with_its_reason(system: System) -> None:
    actor = system.spawn(Spec(Player, name="actor"))
    nobody: Any = system.ref(Address("/nobody"))
    await actor.ask(Run(step=lambda me: me.ctx.tell(nobody, Foreign())))
    lost = next(span for span in spans(system) if span.kind is Kind.LOST)
    assert (lost.to, lost.sender, lost.outcome) == ("/nobody", "/actor", "no_such_address")
    assert tree(spans(system))["dead_letter Foreign /nobody"] == "handle Run /actor"


@on_trace()
async def test_an_asker_that_is_cancelled_ends_its_spans(system: System) -> None:
    actor = system.spawn(Spec(Player, name="actor"))

    async def forever(_: Player) -> None:
        await trio.sleep_forever()

    with trio.move_on_after(1):
        await actor.ask(Wait(step=forever))
    assert [(span.kind, span.outcome) for span in spans(system)] == [
        (Kind.TURN, "cancelled"),
        (Kind.ASK, "cancelled"),
    ]
    await actor.ask(Note(text="on it goes"))
    assert tree(spans(system))["handle Note /actor"] == "ask Note /actor"


@on_trace()
async def test_a_circle_of_tells_is_cut_into_traces_that_are_linked(system: System) -> None:
    actor = system.spawn(Spec(Circle, name="circle"))
    await actor.tell(Note(text="round"))
    await trio.sleep(1)
    roots = [span for span in spans(system) if span.parent_id is None]
    assert len(roots) == 3
    last = {span.trace_id: span.span_id for span in spans(system)}
    assert [root.link for root in roots[1:]] == [
        (before.trace_id, last[before.trace_id]) for before in roots[:-1]
    ]


@on_trace(rate=0.0)
async def test_what_is_not_sampled_leaves_nothing(system: System) -> None:
    actor = system.spawn(Spec(Circle, name="circle"))
    await actor.ask(Note(text="x"))
    await trio.sleep(1)
    assert spans(system) == []


@on_trace(rate=0.25)
async def test_the_choice_is_made_at_the_root_and_holds_for_all_that_it_causes(system: System) -> None:
    inner = system.spawn(Spec(Player, name="inner"))
    outer = system.spawn(Spec(Player, name="outer"))
    for _ in range(200):
        await outer.ask(Run(step=lambda me: me.ctx.tell(inner, Note(text="x"))))
    await trio.sleep(1)
    traces: dict[str, int] = {}
    for span in spans(system):
        traces[span.trace_id] = traces.get(span.trace_id, 0) + 1
    assert set(traces.values()) == {3}
    assert 30 < len(traces) < 70


def test_only_the_newest_spans_are_kept() -> None:
    tracing = Tracing(TraceSample(1.0, keep=2), lambda: 0.0, Entropy(1))
    for name in "abc":
        tracing.end(tracing.begin(Kind.ASK, name, "/a", None, cause=None), "replied")
    assert [span.name for span in tracing.spans()] == ["b", "c"]
    assert tracing.spans(address="/b") == []
    assert [span.name for span in tracing.spans(trace=tracing.spans()[0].trace_id)] == ["b"]


@pytest.mark.parametrize(("rate", "keep"), [(-0.1, 1), (1.1, 1), (0.5, 0)])
def test_a_rate_is_a_share_and_something_is_kept(rate: float, keep: int) -> None:
    with pytest.raises(BadSpec):
        TraceSample(rate, keep)


async def program(system: System) -> int:
    other = system.spawn(Spec(Player, name="other"))
    book: Any = system.spawn(Spec(Book, (other,), name="book"))
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(book.ask, Keep())
    await other.ask(Run(step=lambda me: me.ctx.timer("t", 1, Note(text="t"), every=2)))
    await trio.sleep(10)
    return 0 if system.tracing is None else len(system.tracing.spans())


@pytest.mark.parametrize("seed", range(5))
def test_a_simulation_is_the_same_with_tracing_on(seed: int) -> None:
    off = simulate(program, seed=seed, keep_trace=True)
    on = simulate(program, seed=seed, keep_trace=True, tracing=TraceSample(0.5))
    assert on.trace == off.trace
    assert on.digest == off.digest
    assert simulate(program, seed=seed, tracing=TraceSample(1.0)).result > 20
