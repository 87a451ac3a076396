"""What a user's test file may look like; `test_fixtures.py` runs it in a project of its own. Red where the name says so."""

from typing import Any

import pytest
import trio

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime import Pattern, System, VirtualClock
from runtime.testing import Leaks, Probe
from tests.runtime.testing.shop import Add, Bill, Buy, Counter, Price, Till, TooLow, Wipe


class Wait(Message[None]):
    """Wait for ever: in the turn, deferred, or in a pipe."""

    how: str


class Idler(Actor[Wait]):
    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        if message.how == "turn":
            await trio.sleep_forever()
        if message.how == "deferred":
            return self.ctx.defer("key")
        self.ctx.pipe(trio.sleep_forever, lambda _: message)
        return None


@pytest.fixture
def system_options() -> dict[str, Any]:
    return {"patterns": [Pattern("counter", {"counter": lambda _: Spec(Counter)})]}


@pytest.fixture
def counter(system: System) -> Ref[Any]:
    return system.ref(Address("/counter/a"))


@pytest.fixture
def prices(system: System) -> Probe[Price]:
    return Probe(system, "prices")


@pytest.fixture
async def idler(system: System) -> Ref[Wait]:
    await trio.lowlevel.checkpoint()
    return system.spawn(Spec(Idler, name="idler"))


async def test_green_volatile(
    system: System, clock: VirtualClock, prices: Probe[Price], probe: Probe[Bill]
) -> None:
    till = system.spawn(Spec(Till, (prices.ref, probe.ref)))
    await till.tell(Buy(item="tea"))
    await prices.expect(Price)
    await prices.reply(3)
    await clock.advance(0.9)
    assert probe.received == []
    await clock.advance(0.1)
    assert probe.received == [Bill(total=3)]


async def test_green_durable(system: System, counter: Ref[Any], clock: VirtualClock) -> None:
    assert await counter.ask(Add(amount=5)) == 5
    with pytest.raises(TooLow):
        await counter.ask(Add(amount=-6))
    await system.stop(counter)
    assert await counter.ask(Add(amount=1)) == 6
    await counter.ask(Wipe(after=10))
    await clock.advance(10)
    assert await counter.ask(Add(amount=1)) == 1


async def test_green_jumps(clock: VirtualClock) -> None:
    await trio.sleep(3_600)
    assert clock.current_time() == 3_600


async def test_green_same_seed(system: System) -> None:
    assert system.entropy.token() == "e3e70682c2094cac629f6fbed82c07cd"


async def test_green_letter_is_expected(system: System, leaks: Leaks) -> None:
    nobody = system.ref(Address("/nobody"))
    await nobody.tell(Bill(total=1))
    assert leaks.expect_letter(nobody, "no_such_address").message == "Bill"


async def test_green_turn_is_allowed(idler: Ref[Wait], leaks: Leaks) -> None:
    leaks.allow("turns")
    await idler.tell(Wait(how="turn"))


async def test_green_letter_asker_and_task_are_allowed(
    system: System, prices: Probe[Price], leaks: Leaks
) -> None:
    leaks.allow("letters", "askers", "turns", "tasks")
    await system.ref(Address("/nobody")).tell(Bill(total=1))
    await system.spawn(Spec(Till, (prices.ref, prices.ref))).tell(Buy(item="tea"))
    trio.lowlevel.spawn_system_task(trio.sleep_forever)


async def test_red_assertion_is_not_hidden_by_a_leak(idler: Ref[Wait]) -> None:
    await idler.tell(Wait(how="turn"))
    assert 1 + 1 == 3, "the user's own"


async def test_red_letter(system: System) -> None:
    await system.ref(Address("/nobody")).tell(Bill(total=1))


async def test_red_other_letter_was_expected(system: System, leaks: Leaks) -> None:
    nobody = system.ref(Address("/nobody"))
    await nobody.tell(Bill(total=1))
    leaks.expect_letter(nobody, "stopped")


async def test_red_turn(idler: Ref[Wait]) -> None:
    await idler.tell(Wait(how="turn"))


async def test_red_pipe(idler: Ref[Wait]) -> None:
    await idler.tell(Wait(how="pipe"))


async def test_red_asker(system: System, idler: Ref[Wait], prices: Probe[Price]) -> None:
    till = system.spawn(Spec(Till, (prices.ref, prices.ref), name="till"))
    await till.tell(Buy(item="tea"))


async def test_red_task(system: System) -> None:
    trio.lowlevel.spawn_system_task(trio.sleep_forever, name="left behind")


async def test_red_stuck(idler: Ref[Wait]) -> None:
    await idler.ask(Wait(how="deferred"))


async def test_red_stuck_without_an_actor(system: System) -> None:
    await trio.sleep_forever()
