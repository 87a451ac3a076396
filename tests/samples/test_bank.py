"""The sample's bank: no crash makes money or loses it."""

import pytest

from runtime import simulate
from runtime.store import Disk
from samples.bank.day import BANK, day, evening, morning, run

TOTAL = 150
ENDS = ("done", "refused", "given back")


def steps_of(progress: list[str]) -> tuple[str, ...]:
    return tuple(said.partition(":")[0] for said in progress)


def test_a_transfer_is_a_debit_and_a_credit_or_a_debit_that_is_taken_back() -> None:
    progress, balances, _ = run()
    assert balances == [75, 75, 0]
    assert steps_of(progress) == ("done", "refused", "given back", "done")


def test_whichever_effect_the_power_fails_at_the_money_is_all_there_and_every_transfer_has_an_end() -> None:
    *_, steps = run()
    assert steps > 100
    ends: set[tuple[str, ...]] = set()
    for crash_at in range(1, steps + 1):
        progress, balances, reached = run(crash_at=crash_at)
        assert reached == crash_at
        assert sum(balances) == TOTAL, f"at effect {crash_at}"
        assert {*steps_of(progress)} <= {*ENDS, "unknown"}, f"at effect {crash_at}"
        ends.add(steps_of(progress))
    assert ("unknown",) * 4 in ends, "one crash came before the first commit"
    assert ("done", "refused", "given back", "done") in ends


@pytest.mark.parametrize("seed", range(5))
def test_who_says_it_all_again_after_a_crash_has_paid_once(seed: int) -> None:
    for crash_at in range(1, 130, 9):
        disk = Disk()
        simulate(morning, seed=seed, patterns=[BANK], disk=disk)
        assert simulate(day, seed=seed, patterns=[BANK], disk=disk, crash_at=crash_at).crashed
        for again in (morning, day, day):
            simulate(again, seed=seed + 1, patterns=[BANK], disk=disk)
        progress, balances = simulate(evening, seed=seed, patterns=[BANK], disk=disk).result
        assert steps_of(progress) == ("done", "refused", "given back", "done")
        assert balances == [75, 75, 0]
