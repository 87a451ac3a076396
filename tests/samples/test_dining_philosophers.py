"""The sample's two tables, in virtual time."""

from runtime import System
from samples.dining_philosophers.dinner import NAMES, deadlock, dinner
from tests.runtime.cast import on_stage


@on_stage()
async def test_who_closes_the_circle_is_told_the_whole_of_it_and_the_others_eat(system: System) -> None:
    said = await deadlock(system)
    gave_up = [line for line in said if "put down" in line]
    assert len(gave_up) == 1
    circle = gave_up[0].partition(": ")[2].split(" -> ")
    assert circle[0] == circle[-1]
    assert {path[1:] for path in circle} == set(NAMES)
    assert sum(line.endswith("has eaten") for line in said) == len(NAMES) - 1


@on_stage()
async def test_with_an_arbitrator_everybody_eats_and_never_beside_a_neighbour(system: System) -> None:
    eaten = await dinner(system, meals=20)
    names = [meal.name for meal in eaten]
    assert {name: names.count(name) for name in NAMES} == dict.fromkeys(NAMES, 20)
    assert any(meal.beside for meal in eaten)
    for meal in eaten:
        seat = NAMES.index(meal.name)
        assert not meal.beside & {NAMES[seat - 1], NAMES[(seat + 1) % len(NAMES)]}
    for place in range(len(names) - 20):  # nobody starves while others eat
        assert set(names[place : place + 20]) == set(NAMES)
