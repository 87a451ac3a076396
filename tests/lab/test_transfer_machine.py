"""One purse and one box over a wire that loses, delays and repeats, both robbed of their power by Hypothesis."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from actors import Address, Message
from actors.errors import ActorStopped, AskTimeout
from actors.outbox import Deliver, Delivered
from actors.testing import Asked, Harness, Piped, Turn, harness
from tests.lab.test_transfers import START, Box, Look, LookBox, Pay, Purse

BOX = Address("/box/x")


class Transfers(RuleBasedStateMachine):
    """What the purse has sent is `flying` to the box; what an earlier incarnation had sent may still come, `late`."""

    def __init__(self) -> None:
        super().__init__()
        self.purse: Harness[Any] = harness(Purse, at="/purse/a")
        self.box: Harness[Any] = harness(Box, at=str(BOX))
        self.flying: list[tuple[Piped, Deliver]] = []
        self.late: list[Deliver] = []

    # --- the wire --------------------------------------------------------------------------------------

    def follow(self, turn: Turn[Any]) -> Turn[Any]:
        assert turn.error is None
        for output in turn.outputs:
            if isinstance(output, Piped):
                asked = output.begin().waiting
                assert isinstance(asked, Asked)
                self.flying.append((output, asked.message))
        assert len(self.flying) <= 1, "one message to a target is under way at a time"
        return turn

    def restart_purse(self) -> None:
        self.late += [deliver for _, deliver in self.flying]
        self.flying = []
        self.follow(self.purse.restart())

    def at_the_box(self, deliver: Deliver, *, commit: bool = True) -> Delivered:
        turn: Turn[Any] = self.box.run(deliver, commit=commit).finish()
        assert turn.error is None
        answer: Delivered = turn.reply
        return answer

    def land(self, result: Any, *, commit: bool = True) -> None:
        (piped, _) = self.flying.pop()
        message: Message[Any] = piped.message(result)
        self.follow(self.purse.run(message, told=True, commit=commit))

    def is_flying(self) -> bool:
        return bool(self.flying)

    # --- what may happen -------------------------------------------------------------------------------

    @rule(amount=st.sampled_from([1, 2, 13, 30]))
    def pay(self, amount: int) -> None:
        self.follow(self.purse.run(Pay(to=BOX, amount=amount)))

    @rule(amount=st.sampled_from([1, 13]))
    def pay_and_lose_power(self, amount: int) -> None:
        self.purse.run(Pay(to=BOX, amount=amount), commit=False)
        self.restart_purse()

    @precondition(is_flying)
    @rule()
    def arrive(self) -> None:
        self.land(self.at_the_box(self.flying[0][1]))

    @precondition(is_flying)
    @rule()
    def arrive_and_lose_the_answer(self) -> None:
        self.at_the_box(self.flying[0][1])
        self.land(AskTimeout("", begun=True))

    @precondition(is_flying)
    @rule()
    def lose(self) -> None:
        self.late.append(self.flying[0][1])
        self.land(AskTimeout("", begun=False))

    @precondition(is_flying)
    @rule()
    def arrive_and_cut_the_boxes_power(self) -> None:
        self.at_the_box(self.flying[0][1], commit=False)
        self.box.restart()
        self.land(ActorStopped(""))

    @precondition(is_flying)
    @rule()
    def settle_and_cut_the_purses_power(self) -> None:
        self.land(self.at_the_box(self.flying[0][1]), commit=False)
        # what the turn would have sent next was held behind its commit, and never left
        self.flying = []
        self.restart_purse()

    @precondition(lambda self: bool(self.late))
    @rule(data=st.data())
    def come_late(self, data: st.DataObject) -> None:
        self.at_the_box(data.draw(st.sampled_from(self.late)))

    @precondition(is_flying)
    @rule()
    def settle_on_a_full_disk(self) -> None:
        self.purse.store_full = True
        self.land(self.at_the_box(self.flying[0][1]))
        self.purse.store_full = False

    @rule()
    def restart(self) -> None:
        self.restart_purse()
        self.box.restart()

    @rule(seconds=st.sampled_from([0.1, 1.0, 40.0]))
    def wait(self, seconds: float) -> None:
        for turn in self.purse.advance(seconds):
            self.follow(turn)

    @precondition(lambda self: self.purse.stored.wake_at is not None)
    @rule()
    def wake(self) -> None:
        self.follow(self.purse.wake())

    # --- what must be ----------------------------------------------------------------------------------

    @override
    def teardown(self) -> None:
        for _ in range(200):
            self.wait(40.0)
            while self.flying:
                self.arrive()
        amount, paid, back, waiting = self.purse.ask(Look())
        credits_: list[tuple[str, int, int]] = self.box.ask(LookBox())
        numbers = [number for _, number, _ in credits_]
        assert waiting == 0
        assert self.purse.stored.wake_at is None
        assert numbers == sorted(set(numbers)), "each once, in the order of sending"
        assert len(numbers) == paid - back
        assert amount + sum(credit[2] for credit in credits_) == START


def test_no_history_of_losses_and_power_cuts_makes_money_or_loses_it() -> None:
    run_state_machine_as_test(
        Transfers, settings=settings(max_examples=120, stateful_step_count=30, deadline=None)
    )
