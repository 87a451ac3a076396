"""The sample's fleet, with fewer devices."""

import trio

from actors import Address, Spec
from runtime import System
from samples.device_fleet.fleet import (
    CONTROL,
    Census,
    Control,
    Latest,
    Measured,
    addresses,
    fleet,
    measure,
    run,
)
from tests.runtime.cast import play


async def test_the_program_prints_what_it_measured_and_every_actor_has_ended() -> None:
    figures = await run(2_000)
    assert figures.awake == 2_000
    assert len(figures.alarms) == 4
    assert "2000 devices asked again" in figures.lines[1]
    assert figures.lines[3] == "4 alarms; 0 actors are left"


def test_a_device_is_an_actor_only_while_it_has_something_to_say() -> None:
    census, alarms = Census(), list[Address]()

    async def program(system: System) -> None:
        system.spawn(Spec(Control, (alarms,), name=CONTROL.name))
        everybody = addresses(1_000)
        one = system.ref(everybody[0])
        assert await measure(system, everybody) == 1_000
        assert await one.ask(Latest()) == 20.0
        assert census.awake == 1_000
        await trio.sleep(90)
        assert await one.ask(Measured(celsius=21.0)) == 2
        await trio.sleep(45)
        assert census.awake == 1
        await trio.sleep(120)
        assert census.awake == 0
        assert await one.ask(Latest()) is None
        assert alarms == [everybody[999]]

    play(program, patterns=[fleet(census)])
