"""A probe as a test uses it: it stands for the two actors that a till speaks to."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio

from actors import Actor, Message, Ref, Spec, receive
from actors.errors import ActorCrashed, ActorStopped
from actors.event import Key, Listing
from actors.signals import Terminated
from runtime import System, SystemClock, VirtualClock
from runtime.letters import DeadLetter
from runtime.testing import Probe, ProbeFailed
from tests.runtime.cast import unlogged
from tests.runtime.testing.shop import Bill, Buy, NoSuchItem, Price, Till

Scene = Callable[[System, VirtualClock], Awaitable[None]]


def scene(test: Scene) -> Callable[..., None]:
    """Run it on a clock that stands, and on one that jumps."""

    @pytest.mark.parametrize("jumps", [False, True])
    def run(*, jumps: bool) -> None:
        clock = VirtualClock(0.0, autojump=jumps)

        async def main() -> None:
            async with trio.open_nursery() as nursery, System(clock=clock, drain_grace=0) as system:
                await test(system, clock)
                nursery.cancel_scope.cancel()

        with unlogged():
            trio.run(main, clock=clock)

    return run


def shop(system: System) -> tuple[Ref[Buy], Probe[Price], Probe[Bill]]:
    prices: Probe[Price] = Probe(system, "prices")
    customer: Probe[Bill] = Probe(system, "customer")
    return system.spawn(Spec(Till, (prices.ref, customer.ref))), prices, customer


@scene
async def test_what_is_asked_is_answered_and_what_is_told_comes_at_its_time(
    system: System, clock: VirtualClock
) -> None:
    till, prices, customer = shop(system)
    await till.tell(Buy(item="tea"))
    assert await prices.expect(Price) == Price(item="tea")
    await prices.reply(3)
    await customer.expect_none(within=0.9)
    assert (await customer.expect(Bill)).total == 3
    assert clock.current_time() == pytest.approx(1.0)
    assert customer.received == [Bill(total=3)]
    assert customer.unexpected == []


@scene
async def test_a_refusal_is_the_askers(system: System, clock: VirtualClock) -> None:
    till, prices, customer = shop(system)
    await till.tell(Buy(item="tea"))
    await prices.expect(Price)
    await prices.refuse(NoSuchItem("tea"))
    await customer.expect_none(within=100)


@scene
async def test_an_asker_may_be_told_that_the_runtime_has_failed(system: System, clock: VirtualClock) -> None:
    probe: Probe[Price] = Probe(system)

    async def ask() -> None:
        with pytest.raises(ActorCrashed):
            await probe.ref.ask(Price(item="tea"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await probe.expect(Price)
        await probe.refuse(ActorCrashed("bang"))


@scene
async def test_a_refusal_that_the_message_does_not_list_is_named_with_those_that_it_does(
    system: System, clock: VirtualClock
) -> None:
    till, prices, _ = shop(system)
    await till.tell(Buy(item="tea"))
    await prices.expect(Price)
    with pytest.raises(ProbeFailed, match="KeyError is no refusal of Price, which lists: NoSuchItem;"):
        await prices.refuse(KeyError())


@scene
async def test_another_kind_is_shown_with_what_came_behind_it(system: System, clock: VirtualClock) -> None:
    _, _, customer = shop(system)
    for total in (1, 2):
        await customer.ref.tell(Bill(total=total))
    with pytest.raises(ProbeFailed) as failed:
        await customer.expect(Buy)
    expected = "/customer expected Buy: Bill(total=1) came instead, and behind it Bill(total=2)"
    assert str(failed.value) == expected
    assert (await customer.expect(Bill)).total == 1


@scene
async def test_nothing_is_shown_with_all_that_may_explain_it(system: System, clock: VirtualClock) -> None:
    till, _, customer = shop(system)
    nobody: Ref[Bill] = system.ref(till.address.child("nobody"))
    await customer.ref.tell(Bill(total=1))
    await customer.expect(Bill)
    await nobody.tell(Bill(total=2))
    failing: Ref[Fail] = system.spawn(Spec(Faulty, name="faulty"))
    with suppress(ActorCrashed):
        await failing.ask(Fail())
    with pytest.raises(ProbeFailed) as failed:
        await customer.expect(Bill, within=30)
    assert str(failed.value).splitlines() == [
        "/customer expected Bill: nothing came within 30 s",
        "  before it came Bill(total=1)",
        f"  dead letter: Bill to {till.address}/nobody (no_such_address)",
        "  /faulty has crashed of ValueError: bang",
    ]
    assert clock.current_time() == pytest.approx(30)


@scene
async def test_what_was_not_wanted_is_shown_with_its_time(system: System, clock: VirtualClock) -> None:
    till, prices, customer = shop(system)
    await till.tell(Buy(item="tea"))
    await prices.expect(Price)
    await prices.reply(3)
    with pytest.raises(ProbeFailed, match=r"/customer expected nothing: after 1 s there was Bill\(total=3\)"):
        await customer.expect_none(within=10)


@scene
async def test_a_message_that_nobody_waits_for_cannot_be_answered(
    system: System, clock: VirtualClock
) -> None:
    _, _, customer = shop(system)
    with pytest.raises(ProbeFailed, match="/customer has nothing to answer: expect a message first"):
        await customer.reply()
    await customer.ref.tell(Bill(total=1))
    await customer.expect(Bill)
    with pytest.raises(ProbeFailed, match=r"nobody waits for an answer to Bill\(total=1\): it was told"):
        await customer.reply()


@scene
async def test_it_hears_of_an_end_an_event_and_a_key(system: System, clock: VirtualClock) -> None:
    _, prices, customer = shop(system)
    await customer.watch(prices.ref)
    await system.stop(prices.ref)
    assert (await customer.expect(Terminated)).address == prices.ref.address
    await customer.subscribe(DeadLetter)
    await prices.ref.tell(Price(item="tea"))
    await customer.expect(DeadLetter)
    await customer.subscribe(Key[Bill]("bills"))
    assert (await customer.expect(Listing)).refs == ()


@scene
async def test_an_ask_of_a_probe_ends_with_the_probe(system: System, clock: VirtualClock) -> None:
    probe: Probe[Price] = Probe(system)

    async def ask() -> None:
        with pytest.raises(ActorStopped):
            await probe.ref.ask(Price(item="tea"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await probe.expect(Price)
        await system.stop(probe.ref)


async def test_on_the_machines_clock_it_waits_until_the_message_comes() -> None:
    async with System(clock=SystemClock()) as system:
        customer: Probe[Bill] = Probe(system)

        async def tell() -> None:
            await customer.ref.tell(Bill(total=1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            assert await customer.expect(Bill, within=60) == Bill(total=1)
        await customer.expect_none(within=0)


class Fail(Message[None]):
    pass


class Faulty(Actor[Fail]):
    @receive(Fail)
    def on_fail(self, message: Fail) -> None:
        raise ValueError("bang")
