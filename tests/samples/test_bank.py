"""The sample's bank: no crash makes money or loses it."""

import pytest

from runtime import simulate
from runtime.store import Disk
from samples.bank.day import ALICE, BANK, BOB, NOBODY, OPENED, TRANSFERS, day, evening, morning, run

TOTAL = sum(OPENED.values())
ENDS = ("done", "refused", "given back")


def test_a_transfer_is_a_debit_and_a_credit_or_a_debit_that_is_taken_back() -> None:
    quiet = run()
    assert quiet.balances == {ALICE: 75, BOB: 75, NOBODY: 0}
    assert [said.partition(":")[0] for said in quiet.progress.values()] == [
        "done",
        "refused",
        "given back",
        "done",
    ]


def test_whichever_effect_the_power_fails_at_the_money_is_all_there_and_every_transfer_has_an_end() -> None:
    steps = run().steps
    assert steps > 100
    ends: set[tuple[str, ...]] = set()
    for crash_at in range(1, steps + 1):
        after = run(crash_at=crash_at)
        assert after.crashed
        assert sum(after.balances.values()) == TOTAL, f"at effect {crash_at}"
        said = tuple(one.partition(":")[0] for one in after.progress.values())
        assert {*said} <= {*ENDS, "unknown"}, f"at effect {crash_at}"
        ends.add(said)
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
        balances, progress = simulate(evening, seed=seed, patterns=[BANK], disk=disk).result
        assert [progress[transfer].partition(":")[0] for transfer in TRANSFERS] == [
            "done",
            "refused",
            "given back",
            "done",
        ]
        assert balances == {ALICE: 75, BOB: 75, NOBODY: 0}
