"""Properties said in product code: what fails a run, what is only logged, and what no run has met."""

import pytest
import structlog

from actors import Actor, Message, Ref, Spec, receive
from actors.errors import ActorError
from runtime import System, lab
from runtime.lab.properties import Met, sites, unmet
from runtime.lab.simulation import Run, simulate
from runtime.lab.verdict import PropertyFailed
from tests.runtime.cast import unlogged

positive = lab.always("the balance is positive")
negative = lab.never("the balance is negative")
small = lab.always_less("the balance is small")
settled = lab.eventually("the balance is settled")
round_ = lab.sometimes("the balance is round")
withdrawn = lab.reachable("something is withdrawn")
given_up = lab.reachable("an account is given up")
lost = lab.unreachable("money is lost")


condition = True


class Change(Message[int]):
    by: int


class Account(Actor[Change]):
    def __init__(self) -> None:
        self.balance = 10

    @receive(Change)
    def on_change(self, message: Change) -> int:
        self.balance += message.by
        positive(self.balance > 0, balance=self.balance)
        small(self.balance, 100, by=message.by)
        settled(self.balance == 0, balance=self.balance)
        round_(self.balance % 10 == 0)
        if message.by < 0:
            withdrawn.hit()
        if self.balance == 13:
            lost.hit(by=message.by)
            raise LookupError
        return self.balance


def run(*changes: int, crash_at: int | None = None) -> Run:
    async def program(system: System) -> None:
        account: Ref[Change] = system.spawn(Spec(Account))
        for change in changes:
            try:
                await account.ask(Change(by=change))
            except ActorError:
                break

    with unlogged():
        return simulate(program, seed=0, crash_at=crash_at)


def failure(*changes: int) -> PropertyFailed:
    with pytest.raises(PropertyFailed) as failed:
        run(*changes)
    return failed.value


def test_an_always_that_is_false_fails_the_run_and_names_itself_with_its_detail() -> None:
    failed = failure(-11, 1)
    assert (failed.checker, failed.property) == ("always", "the balance is positive")
    assert "test_properties:" in failed.violation.detail
    assert "balance=-1" in failed.violation.detail, "the first time that it is false"


def test_an_unreachable_place_fails_the_run_though_a_supervisor_has_dealt_with_the_crash() -> None:
    failed = failure(3)
    assert (failed.checker, failed.property) == ("unreachable", "money is lost")


def test_a_number_that_reaches_its_limit_fails_the_run() -> None:
    failed = failure(90, -100)
    assert (failed.checker, failed.property) == ("always_less", "the balance is small")
    assert "number=100 limit=100 by=90" in failed.violation.detail
    assert failed.__notes__, "the balance became 0, which is not positive: told too"


def test_an_eventually_fails_the_run_if_its_last_word_is_no() -> None:
    failed = failure(5)
    assert (failed.checker, failed.property) == ("eventually", "the balance is settled")
    assert failure(5, -15).property == "the balance is positive"


def test_a_run_that_is_cut_owes_no_eventually() -> None:
    assert run(5, 6, crash_at=2).crashed


def test_a_property_fails_before_the_error_of_the_program_that_it_has_led_to() -> None:
    async def program(system: System) -> None:
        negative(condition)
        raise LookupError("what came of it")

    with pytest.raises(PropertyFailed) as failed:
        simulate(program, seed=0)
    assert "what came of it" in repr(failed.value.__cause__)


def test_an_error_of_the_program_is_not_hidden_by_what_it_still_owed() -> None:
    async def program(system: System) -> None:
        settled(not condition)
        raise LookupError("before it was settled")

    with pytest.raises(ExceptionGroup) as failed:
        simulate(program, seed=0)
    assert "before it was settled" in repr(failed.value)


def test_outside_of_a_run_a_violation_is_logged_ten_times_and_counted_always() -> None:
    before = negative.failures
    negative.failures = 0
    with structlog.testing.capture_logs() as logged:
        for number in range(20):
            negative(number >= 0, number=number)
    assert negative.failures == 20
    assert [line["detail"] for line in logged] == [{"number": number} for number in range(10)]
    assert logged[0]["property"] == "the balance is negative"
    assert logged[0]["kind"] == "never"
    negative.failures = before


def quiet(*changes: int) -> Met:
    """What a run has met that fails no property."""

    async def program(system: System) -> None:
        for balance in changes:
            round_(balance % 10 == 0)
            small(balance, 100)

    return simulate(program, seed=0).met


def test_a_run_counts_what_it_met_and_how_close_it_came_to_a_limit() -> None:
    met = quiet(5, 10, 70, 30)
    assert met.counts["the balance is round"] == 3
    assert met.margins == {"the balance is small": 30}


def test_a_sometimes_that_no_run_has_met_is_told_and_one_that_a_single_run_has_met_is_not() -> None:
    names = [violation.property for violation in unmet([quiet(5), quiet(7)], under=__name__)]
    assert names == ["an account is given up", "something is withdrawn", "the balance is round"]
    (first, *_), *_ = [unmet([quiet(5), quiet(10), quiet(7)], under=__name__)]
    assert first.property == "an account is given up"
    assert first.detail.endswith("was met in none of 3 runs")
    assert "the balance is round" not in {
        one.property for one in unmet([quiet(5), quiet(10)], under=__name__)
    }


def test_a_site_is_known_from_the_import_of_its_module_on() -> None:
    assert given_up in sites()
    assert given_up in sites(under=__name__)
    assert given_up not in sites(under="patterns")
    assert given_up.reached == 0


def test_a_site_that_would_be_known_only_when_it_is_reached_is_refused() -> None:
    with pytest.raises(ValueError, match="stands at the top of a module, not in test_a_site_that"):
        lab.always("made in a function")


def test_two_sites_have_two_names() -> None:
    with pytest.raises(ValueError, match=r"'money is lost' is said at .*test_properties:"):
        exec("from runtime import lab\nlab.never('money is lost')", {"__name__": "elsewhere"})
