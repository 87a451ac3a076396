"""LocalStack's chaos rules, as a test that was written for it sets them."""

from typing import Any

import pytest

from tests.runtime.faults.world import World

FAULTS = "/_localstack/chaos/faults"
EFFECTS = "/_localstack/chaos/effects"
ALL: dict[str, Any] = {}
SENDS = {"service": "sqs", "operation": "SendMessage", "error": {"statusCode": 400, "code": "Mine"}}


def answers(world: World) -> list[tuple[str | None, int | None]]:
    facts = {"service": "sqs", "operation": "SendMessage", "region": "eu-west-1"}
    return [(one.error, one.status) for one in world.live.faults.meet("door", facts, "it")]


async def test_an_empty_rule_is_a_503_for_everything() -> None:
    world = World()
    status, said, _ = await world.call("POST", FAULTS, [ALL])
    assert (status, said) == (
        200,
        [{"probability": 1.0, "error": {"statusCode": 503, "code": "ServiceUnavailable"}}],
    )
    assert answers(world) == [("ServiceUnavailable", 503)]


async def test_they_go_on_for_longer_than_a_rule_of_ours_would() -> None:
    world = World()
    await world.call("POST", FAULTS, [ALL])
    assert [len(answers(world)) for _ in range(1_000)] == [1] * 1_000
    world.pass_(3_000)
    assert answers(world)


async def test_a_post_replaces_a_patch_appends_and_the_first_that_matches_wins() -> None:
    world = World()
    await world.call("POST", FAULTS, [{"region": "us-east-1"}])
    assert answers(world) == []
    await world.call("PATCH", FAULTS, [SENDS, ALL])
    assert answers(world) == [("Mine", 400)]
    await world.call("POST", FAULTS, [ALL])
    assert answers(world) == [("ServiceUnavailable", 503)]


@pytest.mark.parametrize("body", [None, [ALL]])
async def test_a_delete_leaves_nothing_of_what_it_names_and_the_limits_as_they_were(body: Any) -> None:
    world = World()
    await world.call("POST", FAULTS, [ALL])
    status, said, _ = await world.call("DELETE", FAULTS, body)
    assert (status, said, answers(world)) == (200, [], [])
    assert not world.seams["door"].there
    assert world.live.faults.limits.total == 500


async def test_limits_that_are_put_meanwhile_stay() -> None:
    world = World()
    await world.call("POST", FAULTS, [ALL])
    await world.call("PUT", "/_callboard/faults", {"limits": {"total": 9}})
    await world.call("DELETE", FAULTS)
    assert world.live.faults.limits.total == 9


async def test_latency_comes_to_each_request_and_its_error_too() -> None:
    world = World()
    await world.call("POST", FAULTS, [ALL])
    assert (await world.call("POST", EFFECTS, {"latency": 250}))[1] == {"latency": 250}
    assert [effect.kind for effect in world.live.faults.meet("door", {}, "it")] == ["latency", "error"]
    await world.call("POST", EFFECTS, {"latency": 0})
    assert [effect.kind for effect in world.live.faults.meet("door", {}, "it")] == ["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([{"service": "s3"}], "no service s3"),
        ([ALL, {"probability": 2}], "line 1 (1.probability)"),
        ([{"colour": "red"}], "there is no colour"),
        ({}, "list"),
    ],
)
async def test_a_wrong_rule_is_refused_and_changes_nothing(body: Any, said: str) -> None:
    world = World()
    await world.call("POST", FAULTS, [SENDS])
    status, answer, _ = await world.call("POST", FAULTS, body)
    assert (status, said in answer["error"]) == (400, True), answer
    assert answers(world) == [("Mine", 400)]
