"""The state machine on a small durable counter and a volatile one; and that it finds what is wrong with a worse one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from typing_extensions import override

from actors import Actor, Deferred, DurableActor, Message, Put, Spec, Stored, WakeAt, receive
from runtime.testing.machine import LATER, ActorMachine
from tests.runtime.testing.shop import Add, Counter, TooLow, Wipe

FEW = settings(
    max_examples=60,
    stateful_step_count=20,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class CounterMachine(ActorMachine):
    """A number, and when it is wiped."""

    spec = Spec(Counter)
    wipe_at: float | None = None

    @override
    def fresh(self) -> int:
        return 0

    @override
    def answer(self, message: Add | Wipe) -> int | None:
        if isinstance(message, Wipe):
            self.wipe_at = self.actor.now + message.after
            return None
        if self.model + message.amount < 0:
            raise TooLow
        self.model += message.amount
        return int(self.model)

    @override
    def passed(self, now: float) -> None:
        if self.wipe_at is not None and self.wipe_at <= now:
            self.model, self.wipe_at = 0, None

    @override
    def restarted(self) -> None:
        super().restarted()
        self.wipe_at = None

    @override
    def agrees(self) -> None:
        total = vars(self.actor.actor).get("total", 0)
        assert total == self.model, f"the actor holds {total}, the model {self.model}"

    @rule(amount=st.integers(-3, 9))
    def add(self, amount: int) -> None:
        self.say(Add(amount=amount))

    @rule(after=st.integers(0, 60))
    def wipe(self, after: float) -> None:
        self.say(Wipe(after=after))


TestDurableCounter = CounterMachine.TestCase
TestDurableCounter.settings = FEW


class Tally(Actor[Add]):
    """Volatile: a restart begins at 0."""

    total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        if self.total + message.amount < 0:
            raise TooLow
        self.total += message.amount
        return self.total


class TallyMachine(CounterMachine):
    spec = Spec(Tally)

    @override
    @rule(after=st.just(0))
    def wipe(self, after: float) -> None:
        pass


TestVolatileCounter = TallyMachine.TestCase
TestVolatileCounter.settings = FEW


class Bell(Message[str]):
    """Answered at the next full minute."""


class Tower(DurableActor[Bell]):
    @receive(Bell)
    def on_bell(self, message: Bell) -> Deferred[str]:
        self.ctx.stage(WakeAt(self.ctx.now + 60))
        return self.ctx.defer(self.ctx.entropy.token())

    @override
    def woken(self) -> None:
        self.ctx.stage(WakeAt(None))
        for key in self.ctx.deferred:
            self.ctx.resolve(key, "dong")


class TowerMachine(ActorMachine):
    """When it rings, and how many wait for it."""

    spec = Spec(Tower)
    waiting = 0

    @override
    def fresh(self) -> float | None:
        return None

    @override
    def answer(self, message: Bell) -> Any:
        self.model = self.actor.now + 60
        self.waiting += 1
        return LATER

    @override
    def passed(self, now: float) -> None:
        if self.model is not None and self.model <= now:
            self.model, self.waiting = None, 0

    @override
    def restarted(self) -> None:
        self.waiting = 0

    @override
    def agrees(self) -> None:
        assert (self.actor.stored.wake_at, len(self.actor.deferred)) == (self.model, self.waiting)

    @rule()
    def ring(self) -> None:
        self.say(Bell())


TestTower = TowerMachine.TestCase
TestTower.settings = FEW


class Forgetful(Counter):
    """Forgets to stage what it adds."""

    @override
    def keep(self, total: int) -> None:
        self.total = total


class Generous(Counter):
    """Counts one more from 10 on."""

    @override
    def keep(self, total: int) -> None:
        super().keep(total + (total >= 10))


class Fragile(Counter):
    @override
    def keep(self, total: int) -> None:
        super().keep(total)
        assert total < 10, "ten"


class Sloppy(Counter):
    """Reads another row than it writes."""

    @override
    async def load(self, stored: Stored) -> None:
        [row] = await stored.get(["sum"])
        self.total = int(row or b"0")


class Insomniac(Tower):
    @override
    def woken(self) -> None:
        self.ctx.stage(Put("rang", b""))


@pytest.mark.parametrize(
    ("actor", "machine", "found"),
    [
        (Forgetful, CounterMachine, "the actor holds"),
        (Sloppy, CounterMachine, "the actor holds"),
        (Generous, CounterMachine, "the actor holds"),
        (Fragile, CounterMachine, r"Add\(amount=\d+\) crashed the actor: AssertionError\('ten"),
        (Insomniac, TowerMachine, "it has staged no other WakeAt: it is woken for ever"),
    ],
)
def test_it_finds_what_is_wrong(actor: type[Actor[Any]], machine: type[ActorMachine], found: str) -> None:
    class Wrong(machine):  # type: ignore[valid-type,misc,unused-ignore]
        spec = Spec(actor)

    with pytest.raises(AssertionError, match=found):
        run_state_machine_as_test(Wrong, settings=FEW)


def test_a_difference_is_said_in_words() -> None:
    class Deaf(CounterMachine):
        @override
        def answer(self, message: Add | Wipe) -> int | None:
            return 7

    machine = Deaf()
    with pytest.raises(AssertionError, match=r"Add\(amount=1\): the actor replied 1, the model replied 7"):
        machine.say(Add(amount=1))
    with pytest.raises(
        AssertionError, match=r"Add\(amount=-9\): the actor refused with TooLow, the model replied 7"
    ):
        machine.say(Add(amount=-9))


def test_a_machine_that_says_too_little_is_told_what_is_missing() -> None:
    class Silent(ActorMachine):
        spec = Spec(Counter)

    with pytest.raises(NotImplementedError, match=r"Silent.fresh says what the model begins as"):
        Silent()
