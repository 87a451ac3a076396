"""A fleet of devices: each has an address, and an actor only while it has something to say.

python -m samples.device_fleet.fleet --devices 100000
"""

import argparse
import resource
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import trio
from typing_extensions import override

from actors import Actor, Address, Message, Spec, StopReason, receive
from runtime import Pattern, System

HOT = 90.0
"""Degrees at which a device raises an alarm."""
CONTROL = Address.of("control")


class Measured(Message[int]):
    """A device says how hot it is; the answer is how often it has."""

    celsius: float


class Latest(Message[float | None]):
    """What was measured last; None: nothing since the device was activated."""


class Alarm(Message[None]):
    device: Address
    celsius: float


@dataclass
class Census:
    """How many devices have an actor right now."""

    awake: int = 0


class Device(Actor[Measured | Latest]):
    """The shadow of one device. Nobody spawns it: writing to its address does, and idleness ends it."""

    def __init__(self, census: Census) -> None:
        self.census = census
        self.latest: float | None = None
        self.count = 0
        census.awake += 1

    @receive(Measured)
    def on_measured(self, message: Measured) -> int:
        self.latest = message.celsius
        self.count += 1
        if message.celsius >= HOT:
            alarm = Alarm(device=self.ctx.address, celsius=message.celsius)
            self.ctx.tell(self.ctx.ref(CONTROL), alarm)
        return self.count

    @receive(Latest)
    def on_latest(self, _: Latest) -> float | None:
        return self.latest

    @override
    def stopped(self, reason: StopReason) -> None:
        self.census.awake -= 1


class Control(Actor[Alarm]):
    """The one place that all devices can reach."""

    def __init__(self, alarms: list[Address]) -> None:
        self.alarms = alarms

    @receive(Alarm)
    def on_alarm(self, message: Alarm) -> None:
        self.alarms.append(message.device)


def fleet(census: Census, idle_after: float | None = 60.0) -> Pattern:
    """Whoever writes below `/device` reaches one: `/device/berlin/17`."""
    return Pattern("fleet", {"device": lambda _: Spec(Device, (census,), idle_after=idle_after)})


def addresses(devices: int) -> list[Address]:
    return [Address.of("device", ("berlin", "lagos", "lima")[n % 3], str(n)) for n in range(devices)]


async def measure(system: System, devices: Iterable[Address]) -> int:
    """Every device says something once; the answer is how many messages that were."""
    count = 0
    for count, address in enumerate(devices, 1):
        await system.ref(address).ask(Measured(celsius=95.0 if count % 1_000 == 0 else 20.0))
    return count


def memory() -> float:
    """MiB that the process has ever held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


@dataclass
class Figures:
    lines: list[str] = field(default_factory=list[str])
    alarms: list[Address] = field(default_factory=list[Address])
    awake: int = 0


async def run(devices: int) -> Figures:
    census, figures = Census(), Figures()
    async with System(patterns=[fleet(census)], active_limit=devices) as system:
        system.spawn(Spec(Control, (figures.alarms,), name=CONTROL.name))
        everybody = addresses(devices)
        before = memory()
        for what in ("activated and asked", "asked again"):
            start = system.clock.now()
            count = await measure(system, everybody)
            seconds = system.clock.now() - start
            figures.lines.append(
                f"{count} devices {what} in {seconds:.2f} s: {count / seconds:,.0f} a second"
            )
        figures.awake = census.awake
        each = (memory() - before) * 2**20 / devices
        figures.lines.append(f"{census.awake} actors, {memory():.0f} MiB, {each:,.0f} bytes a device")
    figures.lines.append(f"{len(figures.alarms)} alarms; {census.awake} actors are left")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    given = parser.parse_args()
    print("\n".join(trio.run(partial(run, given.devices)).lines))


if __name__ == "__main__":
    main()
