"""The ready experiments in their short form: what each has to show is in its figures."""

import pytest
import trio

from runtime.lab.experiment import Results, run_in_processes
from runtime.lab.experiment_report import interval_of

pytestmark = [pytest.mark.lab, pytest.mark.slow]


def figure(results: Results, measure: str, **parameters: str | float) -> float:
    """Of the one point of which these parameters hold."""
    [point] = [point for point in results.experiment.points() if parameters.items() <= point.items()]
    return interval_of(results.at(point), measure).value


def test_a_retry_storm_stays_when_its_cause_has_gone_and_a_budget_or_shedding_ends_it_but_jitter_does_not() -> (
    None
):
    results = trio.run(run_in_processes, "samples.experiments.retry_storm:SHORT", range(2))
    for policy in ("3 at once", "3, backoff", "3, backoff, full jitter"):
        assert figure(results, "before", policy=policy) == pytest.approx(70, abs=7)
        assert figure(results, "after", policy=policy) < 2
        assert figure(results, "stays", policy=policy) == 1
    for policy in ("no retry", "3 at once, budget of 10 %", "3 at once, server sheds"):
        assert figure(results, "after", policy=policy) == pytest.approx(70, abs=7)
        assert figure(results, "stays", policy=policy) == 0


def test_a_short_visibility_timeout_has_work_done_twice_and_a_long_one_lets_a_dead_consumers_message_lie() -> (
    None
):
    results = trio.run(run_in_processes, "samples.experiments.visibility_timeout:SHORT", range(4))
    duplicates = [figure(results, "duplicates", visibility=one, extends=False) for one in (5, 15, 30, 300)]
    assert duplicates == sorted(duplicates, reverse=True)
    assert duplicates[0] > 0.4
    assert duplicates[-1] == 0
    assert figure(results, "worst", visibility=300, extends=False) > 300


def test_a_consumer_that_extends_the_timeout_has_neither_duplicates_nor_the_long_wait() -> None:
    results = trio.run(run_in_processes, "samples.experiments.visibility_timeout:SHORT", range(4))
    for visibility in (5, 15, 30, 60, 300):
        assert figure(results, "duplicates", visibility=visibility, extends=True) == 0
    assert figure(results, "worst", visibility=5, extends=True) < 100


def test_restarts_outlast_a_dependency_that_is_down_only_with_a_backoff_that_the_intensity_allows() -> None:
    results = trio.run(run_in_processes, "samples.experiments.restarts:EXPERIMENT", range(6))
    for restarts in (3, 20, 60):
        assert figure(results, "gave up", restarts=restarts, backoff="at once") == 1
    for backoff in ("0.1 s, doubled, to 30 s", "5 s, always"):
        assert figure(results, "gave up", restarts=3, backoff=backoff) == 1
        assert figure(results, "gave up", restarts=60, backoff=backoff) == 0
    assert figure(results, "still down", restarts=60, backoff="5 s, always") <= 5.1
