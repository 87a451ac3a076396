"""A state machine for Hypothesis over the harness: an actor beside a plain model, restarted and robbed of its power.

    class CounterMachine(ActorMachine):
        spec = Spec(Counter)

        def fresh(self) -> int:
            return 0

        def answer(self, message: Add) -> int:
            self.model += message.amount
            return self.model

        @rule(amount=st.integers(0, 9))
        def add(self, amount: int) -> None:
            self.say(Add(amount=amount))


    TestCounter = CounterMachine.TestCase

The rules `restart`, `cut_power` and `advance` are inherited. The only file that imports Hypothesis.
"""

from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from actors.actor import Actor, Restarted, Spec
from actors.testing import Harness, Turn, harness


class _Later:
    @override
    def __repr__(self) -> str:
        return "LATER"


LATER: Final = _Later()
"""What `answer` says for an ask that is deferred."""


class ActorMachine(RuleBasedStateMachine):
    """Say who it is (`spec`), what is expected of it (`fresh`, `answer`), and what may be said to it: rules that `say`.

    What is compared with what: each reply and refusal with `answer`; whatever else `agrees` compares, after each step.
    """

    spec: ClassVar[Spec[Any]]

    def __init__(self) -> None:
        super().__init__()
        self.actor: Harness[Any] = harness(self.spec)
        self.model: Any = self.fresh()
        self._power_fails = False

    # --- what a user writes ----------------------------------------------------------------------------

    def fresh(self) -> Any:
        """The model of an actor that has never lived: anything, a number will do."""
        raise NotImplementedError(f"{type(self).__name__}.fresh says what the model begins as")

    def answer(self, message: Any) -> Any:
        """Change the model, and answer or raise what the actor must; LATER for a deferred ask."""
        raise NotImplementedError(f"{type(self).__name__}.answer says what the reply to {message!r} must be")

    def agrees(self) -> None:
        """Assert that `self.actor` and `self.model` agree; looked at after each step."""

    def passed(self, now: float) -> None:
        """It is `now`: change the model as the actor's timers have changed the actor."""

    def restarted(self) -> None:
        """The actor has lost its memory: a durable one's timers and askers, a volatile one all of it."""
        if not self.actor.actor.durable:
            self.model = self.fresh()

    # --- what its rules use ----------------------------------------------------------------------------

    def say(self, message: Any) -> Turn[Any]:
        """One turn of the actor, and one of the model. Raises AssertionError where they differ."""
        fails, self._power_fails = self._power_fails, False
        turn: Turn[Any] = self.actor.run(message, commit=not fails).finish()
        _check_crash(turn)
        if fails:  # nobody has seen its reply: it never happened
            self._come_back()
            return turn
        got, wanted = _came_of(turn), self._wanted(message)
        assert got == wanted, f"{message!r}: the actor {got}, the model {wanted}"
        return turn

    # --- what is inherited -----------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        """The next incarnation, from what is durable."""
        self._come_back()

    @rule()
    def cut_power(self) -> None:
        """The commit of the next message does not reach the disk: the message never happens."""
        self._power_fails = True

    @rule(seconds=st.integers(0, 60) | st.floats(0, 3_600))
    def advance(self, seconds: float) -> None:
        """Time passes: timers fire, and a time staged by WakeAt comes."""
        harness, end = self.actor, self.actor.now + seconds
        while (at := harness.stored.wake_at) is not None and at <= end:
            _check_crash(*harness.advance(max(0.0, at - harness.now)), harness.wake().finish())
            assert harness.stored.wake_at != at, (
                f"woken at {at}, it has staged no other WakeAt: it is woken for ever"
            )
        _check_crash(*harness.advance(max(0.0, end - harness.now)))
        self.passed(harness.now)

    @invariant()
    def _agrees(self) -> None:
        self.agrees()

    # ---------------------------------------------------------------------------------------------------

    def _come_back(self) -> None:
        actor: Actor[Any] = self.actor.actor
        reason = None if actor.durable else Restarted(RuntimeError("restarted by the test"), 1)
        _check_crash(self.actor.restart(reason))
        self.restarted()

    def _wanted(self, message: Any) -> str:
        refusals: tuple[type[Exception], ...] = message.refusals
        try:
            return _said(self.answer(message))
        except refusals as refusal:
            return f"refused with {type(refusal).__name__}"


def _came_of(turn: Turn[Any]) -> str:
    if turn.refusal is not None:
        return f"refused with {type(turn.refusal).__name__}"
    return _said(turn.reply if turn.done else LATER)


def _said(reply: Any) -> str:
    return "answers later" if reply is LATER else f"replied {reply!r}"


def _check_crash(*turns: Turn[Any]) -> None:
    for turn in turns:
        assert turn.error is None, f"{turn.message!r} crashed the actor: {turn.error!r}"
