"""Experiments: steady before, rules, steady after; and undone whatever happens."""

from typing import Any

import pytest

from tests.runtime.faults.world import World

X = "/_callboard/experiments"


async def begin(world: World, **more: Any) -> str:
    body = {
        "faults": [{"name": "x", "match": {"at": "door"}, "effect": "silence", "gate": {"budget": 3}}],
        **more,
    }
    status, said, headers = await world.call("POST", X, body)
    assert status == 201, said
    assert headers["Location"] == f"{X}/{said['id']}"
    return headers["Location"]


async def look(world: World, where: str) -> dict[str, Any]:
    _, said, _ = await world.call("GET", where)
    return dict(said)


def undone(world: World) -> bool:
    return "x" not in world.live.faults.rules and not any(seam.there for seam in world.seams.values())


async def test_an_experiment_without_a_steady_state_runs_at_once_and_is_over_with_its_rules() -> None:
    world = World()
    where = await begin(world)
    assert [world.send() for _ in range(4)] == [["silence"]] * 3 + [[]]
    world.pass_(2)
    said = await look(world, where)
    assert (said["state"], said["outcome"], said["recovered"], said["injected"]) == (
        "done",
        "completed",
        True,
        {"x": 3},
    )
    assert undone(world)


async def test_nothing_is_injected_into_a_node_that_is_not_steady() -> None:
    world = World()
    where = await begin(world, steady_state=["error_rate(5xx, 10 s) < 0.1"])
    world.answer(503)
    assert world.send() == []
    world.pass_(10)
    said = await look(world, where)
    assert (said["state"], said["outcome"]) == ("done", "not_steady")
    assert "error_rate(5xx, 10 s) < 0.1" in said["why"]
    assert (world.send(), undone(world)) == ([], True)


async def test_stop_when_undoes_it_and_it_waits_for_the_steady_state() -> None:
    world = World()
    steady = {"steady_state": ["error_rate(5xx, 5 s) < 0.1"], "stop_when": ["error_rate(5xx, 5 s) > 0.5"]}
    where = await begin(world, **steady)
    world.pass_(6)
    assert world.send() == ["silence"]
    world.answer(503)
    world.pass_(1)
    said = await look(world, where)
    assert (said["state"], said["outcome"], said["why"]) == (
        "after",
        "stopped",
        "stop_when error_rate(5xx, 5 s) > 0.5",
    )
    assert world.send() == []
    world.pass_(6)
    said = await look(world, where)
    assert (said["state"], said["recovered"]) == ("done", True)
    assert [True] in [one["steady"] for one in said["series"]]
    assert [False] in [one["steady"] for one in said["series"]]
    assert undone(world)


async def test_a_node_that_does_not_come_back_to_its_steady_state_is_said_to() -> None:
    world = World()
    where = await begin(world, steady_state=["error_rate(5xx, 5 s) < 0.1"], recover="8 s")
    world.pass_(6)
    await world.call("DELETE", where)
    for _ in range(9):
        world.answer(503)
        world.pass_(1)
    said = await look(world, where)
    assert (said["state"], said["outcome"], said["recovered"]) == ("done", "cancelled", False)


async def test_its_rules_go_when_whoever_has_begun_it_is_gone_and_stay_while_he_asks() -> None:
    world = World()
    where = await begin(world)
    for _ in range(3):
        world.pass_(10)
        assert (await look(world, where))["state"] == "running"
    world.pass_(16)
    assert (world.send(), undone(world)) == ([], True)
    assert (await look(world, where))["outcome"] == "lease_lost"


async def test_panic_ends_it_too() -> None:
    world = World()
    where = await begin(world)
    await world.call("POST", "/_callboard/faults/panic")
    assert world.send() == []
    world.pass_(2)
    assert (await look(world, where))["outcome"] == "off"
    assert undone(world)


async def test_what_was_switched_off_before_its_rules_were_armed_is_not_armed() -> None:
    world = World()
    where = await begin(world, steady_state=["error_rate(5xx, 5 s) < 0.1"])
    await world.call("POST", "/_callboard/faults/panic")
    for _ in range(8):
        world.pass_(1)
        assert world.send() == []
    assert (await look(world, where))["outcome"] == "off"


async def test_a_set_that_is_put_meanwhile_keeps_its_limits() -> None:
    world = World()
    where = await begin(world, limits={"total": 2})
    await world.call("PUT", "/_callboard/faults", {"limits": {"total": 9}})
    world.pass_(2)
    assert ((await look(world, where))["state"], world.live.faults.limits.total) == ("done", 9)


async def test_other_rules_and_limits_are_as_before_when_it_is_over() -> None:
    world = World()
    mine = {
        "name": "mine",
        "match": {"at": "door"},
        "gate": {"after": "1 h", "until": "2 h"},
        "effect": "silence",
    }
    await world.call("PUT", "/_callboard/faults", {"faults": [mine], "limits": {"total": 7}})
    where = await begin(world, limits={"total": 2})
    assert [world.send() for _ in range(3)] == [["silence"], ["silence"], []]
    world.pass_(1)
    assert (await look(world, where))["outcome"] == "completed"
    assert (list(world.live.faults.rules), world.live.faults.limits.total) == (["mine"], 7)


async def test_one_runs_at_a_time_and_no_rule_takes_the_name_of_another() -> None:
    world = World()
    where = await begin(world)
    assert (await world.call("POST", X, {"faults": []}))[0] == 409
    await world.call("DELETE", where)
    world.pass_(1)
    rule = {"name": "x", "match": {"at": "door"}, "effect": "silence"}
    await world.call("PUT", "/_callboard/faults", {"faults": [rule]})
    assert (await world.call("POST", X, {"faults": [rule]}))[0] == 409


@pytest.mark.parametrize(("method", "path"), [("GET", "/no"), ("DELETE", "/no"), ("PUT", "")])
async def test_what_is_not_there_is_404(method: str, path: str) -> None:
    assert (await World().call(method, X + path))[0] == 404
