"""The seams of actors: a crash at an effect, a message that does not get in, an actor that cannot be built."""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from actors.address import Address
from actors.errors import ActorError, DeadLettered
from runtime.faults.engine import Faults
from runtime.faults.rule import Effect
from runtime.router import Router
from runtime.system import System
from runtime.trace import Trace


class InjectedCrash(ActorError):
    """A fault rule has crashed this actor."""


class InjectedRefusal(DeadLettered):
    """A fault rule has kept this message out."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "fault", "kept out by a fault rule")


class EffectSeam(Trace):
    """The numbered place that every effect of a turn passes. What it refuses has not happened, and its turn has crashed."""

    def __init__(self, system: System, faults: Faults) -> None:
        super().__init__(system.clock.now)
        self._system = system
        self._faults = faults

    def install(self) -> None:
        self._number_effects(self)

    def remove(self) -> None:
        self._number_effects(self._system.trace)

    def _number_effects(self, trace: Trace | None) -> None:
        # not those of the commit point: what a commit releases stands, and must go out
        self._system.rooms.trace = trace
        self._system.dispatcher.number_effects(trace)

    @override
    def record(self, kind: str, address: str, number: int, what: str = "") -> None:
        """Raises InjectedCrash; a simulation's own trace has seen the effect before."""
        if self._system.trace is not None:
            self._system.trace.record(kind, address, number, what)
        facts = {"actor": address, "kind": kind, "of": what}
        for effect in self._faults.meet("effect", facts, f"{address} {kind}"):
            self.happen(effect, f"{address}: crashed by a fault rule at {kind}")

    def happen(self, _effect: Effect, text: str) -> None:
        """Raises InjectedCrash; in a simulation, more can happen there."""
        raise InjectedCrash(text)


class TurnSeam:
    """An interceptor on the router."""

    def __init__(self, router: Router, faults: Faults) -> None:
        self._router = router
        self._faults = faults

    def install(self) -> None:
        self._router.interceptors = (self, *self._router.interceptors)

    def remove(self) -> None:
        self._router.interceptors = tuple(one for one in self._router.interceptors if one is not self)

    def __call__(self, to: Address, message: Any) -> InjectedRefusal | None:
        name = type(message).__name__
        refused = self._faults.meet("turn", {"actor": to, "of": name}, f"{to} {name}")
        return InjectedRefusal(to) if refused else None


class StartSeam:
    """Where an actor is built: what it needs is not there. A start that is refused has failed, as one that raises has."""

    def __init__(self, system: System, faults: Faults) -> None:
        self._rooms = system.rooms
        self._faults = faults
        self._before: Callable[[Any], Any] | None = None

    def install(self) -> None:
        self._before, self._rooms.own_turn = self._rooms.own_turn, self._built

    def remove(self) -> None:
        self._rooms.own_turn = self._before

    def _built(self, ctx: Any) -> Any:
        address = ctx.cell.address
        if self._faults.meet("start", {"actor": address}, f"{address} start"):
            raise InjectedCrash(f"{address}: kept from starting by a fault rule")
        return ctx if self._before is None else self._before(ctx)
