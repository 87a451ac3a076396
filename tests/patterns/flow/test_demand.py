"""Demand is cumulative, and granted anew when half of the window has been taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.flow.demand import Inlet, Outlet


def test_an_inlet_grants_anew_when_half_of_its_window_is_taken() -> None:
    inlet = Inlet(4)
    assert inlet.refill() == 4
    inlet.give(("a", "b", "c", "d"))
    assert [inlet.refill() for _ in "ab" if inlet.take()] == [None, 6]
    inlet.ended = True
    assert [inlet.take(), inlet.take(), inlet.refill()] == ["c", "d", None]
    assert inlet.dry


def test_an_inlet_refuses_more_than_it_has_granted_and_an_outlet_what_nobody_asked_for() -> None:
    inlet, outlet = Inlet(1), Outlet()
    inlet.refill()
    with pytest.raises(AssertionError, match="more items"):
        inlet.give((1, 2))
    with pytest.raises(AssertionError, match="nobody"):
        outlet.put(1)


def test_a_demand_that_comes_twice_or_late_changes_nothing() -> None:
    outlet = Outlet()
    for total in (3, 3, 1):
        outlet.demand(total)
    assert outlet.room == 3


@given(st.integers(1, 9), st.lists(st.booleans(), max_size=200))
def test_an_inlet_never_holds_more_than_its_window_and_never_stops_for_want_of_a_grant(
    window: int, steps: list[bool]
) -> None:
    inlet, outlet = Inlet(window), Outlet()
    sent = 0
    for send in steps:
        if (total := inlet.refill()) is not None:
            outlet.demand(total)
        if send and outlet.room:
            outlet.put(sent)
            sent += 1
            inlet.give(outlet.drain())
        elif inlet.buffer:
            assert inlet.take() == inlet.taken - 1
        else:
            assert outlet.room, "nothing is held, and nothing may be sent"
        assert len(inlet.buffer) + outlet.room <= window
