"""A message that is changed between its send and its turn fails the run, and says which field and who had it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import trio

from actors.actor import Actor, Spec
from actors.errors import MessageMutated
from actors.handlers import receive
from actors.message import Deferred, Message
from actors.ref import Ref
from runtime.lab.simulation import simulate
from runtime.observe.fingerprints import fingerprint
from runtime.observe.tracing import TraceSample
from runtime.system import System
from tests.runtime.cast import play, settled, unlogged

Program = Callable[[System], Awaitable[None]]


@dataclass(frozen=True)
class Basket:
    """Frozen, and yet what is in it can be changed."""

    owner: str
    lines: Any


class Take(Message[int]):
    """Loose in `body`, and within `basket`."""

    body: Any = None
    basket: Basket | None = None


class Pass(Message[None]):
    """Sends `message` on, then does `then`."""

    to: tuple[Ref[Take], ...]
    message: Take
    then: Callable[[], None]


class Busy(Message[None]):
    """Keeps the actor busy for so many seconds."""

    seconds: float


def nothing() -> None:
    """Does nothing."""


class Clerk(Actor[Take | Pass | Busy]):
    """What it takes, it may change: from then on it is the clerk's own."""

    @receive(Take)
    def on_take(self, message: Take) -> int:
        body: Any = message.body
        if isinstance(body, list):
            cast("list[str]", body).append("taken")
        return 0

    @receive(Pass)
    def on_pass(self, message: Pass) -> None:
        for to in message.to:
            self.ctx.tell(to, message.message)
        message.then()

    @receive(Busy)
    async def on_busy(self, message: Busy) -> None:
        await trio.sleep(message.seconds)


def mutated(program: Program, **options: Any) -> MessageMutated:
    """How a run of it fails."""
    with unlogged(), pytest.raises(ExceptionGroup) as failed:
        play(program, check_messages=True, **options)
    found = failed.value.exceptions[0]
    assert isinstance(found, MessageMutated)
    return found


async def changes_in_the_mailbox(system: System) -> None:
    clerk = system.spawn(Spec(Clerk, name="clerk"))
    lines = ["a"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clerk.ask, Busy(seconds=5))
        await settled()
        await clerk.tell(Take(basket=Basket("me", {"lines": lines})))
        lines.append("b")


def test_a_change_in_the_mailbox_names_the_field_and_both_who_had_it() -> None:
    error = mutated(changes_in_the_mailbox)
    assert (error.message, error.field, error.had) == ("Take", "basket", ("from outside", "/clerk"))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_it_is_found_while_messages_are_traced_too(rate: float) -> None:
    assert mutated(changes_in_the_mailbox, tracing=TraceSample(rate)).field == "basket"


def test_without_the_check_nobody_looks() -> None:
    play(changes_in_the_mailbox)


def test_a_turn_that_changes_what_it_has_told_is_found_at_its_end() -> None:
    lines = ["a"]

    async def program(system: System) -> None:
        first, second = (system.spawn(Spec(Clerk, name=name)) for name in ("first", "second"))
        await first.ask(Pass(to=(second,), message=Take(body={"lines": lines}), then=lines.clear))

    error = mutated(program)
    assert (error.field, error.had) == ("body", ("/first", "/second"))


def test_of_several_receivers_the_earlier_ones_are_named_too() -> None:
    async def program(system: System) -> None:
        first, second, third = (system.spawn(Spec(Clerk, name=name)) for name in ("a", "b", "c"))
        await first.ask(Pass(to=(second, third), message=Take(body=["x"]), then=nothing))
        await settled()

    assert mutated(program).had == ("/a", "/b", "/c")


def test_what_a_receiver_changes_behind_its_receipt_is_its_own_business() -> None:
    async def program(system: System) -> None:
        clerk = system.spawn(Spec(Clerk))
        message = Take(body=[])
        for _ in range(3):
            await clerk.ask(message)
            await clerk.tell(message)
            await settled()
        assert message.body == ["taken"] * 6

    play(program, check_messages=True)


class Patient(Actor[Take]):
    """Lets each first `Take` wait for the next one, and notes in it that it has been here."""

    @receive(Take)
    def on_take(self, message: Take) -> int | Deferred[int]:
        message.body.append("seen")
        if len(message.body) == 1:
            return self.ctx.stash()
        self.ctx.unstash()
        return len(message.body)


def test_an_ask_that_was_answered_in_its_askers_task_has_arrived() -> None:
    async def program(system: System) -> None:
        patient = system.spawn(Spec(Patient))
        await settled()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(patient.ask, Take(body=[]))
            await settled()
            await patient.ask(Take(body=[1]))

    play(program, check_messages=True)


def test_a_simulation_checks_every_message() -> None:
    with unlogged(), pytest.raises(ExceptionGroup) as failed:
        simulate(changes_in_the_mailbox, seed=1)
    assert failed.group_contains(
        MessageMutated, match=r"Take\.basket was changed on its way \(from outside -> /clerk\)"
    )


@dataclass
class Loose:
    """Can be changed itself."""

    count: int = 0
    inner: list[Any] = field(default_factory=list[Any])


def test_every_container_is_looked_into_and_a_ring_ends() -> None:
    loose, octets, names = Loose(), bytearray(b"a"), {"a"}
    ring: list[Any] = []
    ring.append(ring)
    message = Take(body=({"deep": [loose]}, ring, octets, names))
    changes: list[Callable[[], None]] = [
        lambda: setattr(loose, "count", 1),
        lambda: loose.inner.append(None),
        lambda: ring.append(1),
        lambda: octets.extend(b"b"),
        lambda: names.add("b"),
    ]
    for change in changes:
        before = fingerprint(message)
        assert fingerprint(message) == before
        change()
        assert fingerprint(message) != before


def test_one_and_true_are_not_the_same() -> None:
    assert fingerprint(Take(body=[1])) != fingerprint(Take(body=[True]))
