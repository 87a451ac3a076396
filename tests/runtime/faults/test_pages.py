"""The pages of a node's faults, and what ends its rules."""

from typing import Any

import pytest

from tests.runtime.faults.world import World

F = "/_callboard/faults"


def rule(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "match": {"at": "door"}, "effect": "silence", **more}


async def test_a_set_is_put_and_read_back_with_an_etag_that_changes_with_it() -> None:
    world = World()
    given = rule(gate={"nth": [2], "for": "1 s", "every": "2 s", "while": "faults(a) < 3"})
    _, _, before = await world.call("GET", F)
    status, said, after = await world.call("PUT", F, {"faults": [given], "stop_when": ["faults(a) > 9"]})
    assert (status, said["stop_when"]) == (200, ["faults(a) > 9"])
    assert said["rules"] == [
        {
            "name": "a",
            "match": {"at": "door"},
            "gate": {"nth": [2], "for": 1.0, "every": 2.0, "while": "faults(a) < 3"},
            "effect": {"silence": True},
            "armed": True,
            "matched": 0,
            "applied": 0,
        }
    ]
    assert before["ETag"] != after["ETag"]


async def test_who_changes_a_set_that_has_changed_meanwhile_is_refused() -> None:
    world = World()
    _, _, headers = await world.call("GET", F)
    assert (await world.call("POST", F, rule("a"), if_match=headers["ETag"]))[0] == 201
    status, said, _ = await world.call("POST", F, rule("b"), if_match=headers["ETag"])
    assert (status, list(world.live.faults.rules)) == (412, ["a"])
    assert "changed meanwhile" in said["error"]


async def test_a_bad_set_changes_nothing_and_its_place_is_said() -> None:
    world = World()
    await world.call("PUT", F, {"faults": [rule("a")]})
    for bad in (
        {"faults": [rule("b", gate={"rat": 1})]},
        {"faults": [rule("b", match={"at": "door", "service": "s3"})]},
    ):
        status, said, _ = await world.call("PUT", F, bad)
        assert status == 400
        assert "line 1 (faults.0." in said["error"]
    assert list(world.live.faults.rules) == ["a"]


async def test_rules_are_added_disarmed_armed_and_deleted_by_name() -> None:
    world = World()
    assert (await world.call("POST", F, rule()))[0] == 201
    assert (await world.call("POST", F, rule()))[0] == 409
    assert world.send() == ["silence"]
    await world.call("POST", f"{F}/a/disarm")
    assert (world.send(), world.seams["door"].there) == ([], False)
    await world.call("POST", f"{F}/a/arm")
    assert (world.send(), world.seams["door"].there) == (["silence"], True)
    assert (await world.call("DELETE", f"{F}/a"))[0] == 204
    assert (world.send(), world.seams["door"].there) == ([], False)
    for method, path in (("DELETE", "/a"), ("POST", "/a/arm"), ("POST", "/a/explode"), ("PATCH", "")):
        assert (await world.call(method, F + path))[0] == 404


async def test_panic_switches_all_off_and_the_rules_stay_in_the_set() -> None:
    world = World()
    await world.call("PUT", F, {"faults": [rule("a"), rule("b", match={"at": "disk"}, effect="full")]})
    assert world.seams["disk"].there
    status, said, _ = await world.call("POST", f"{F}/panic")
    assert (status, said["stopped"], [one["armed"] for one in said["rules"]]) == (
        200,
        "panic",
        [False, False],
    )
    assert world.send() == []
    assert not any(seam.there for seam in world.seams.values())


async def test_a_rule_that_is_put_again_as_it_was_does_not_begin_anew() -> None:
    world = World()
    given = rule(gate={"budget": 2, "while": "faults(a) < 9"})
    await world.call("PUT", F, {"faults": [given]})
    assert world.send() == ["silence"]
    await world.call("PUT", F, {"faults": [given]})
    assert [world.send(), world.send()] == [["silence"], []]


async def test_the_log_tells_of_each_fault_since_a_number() -> None:
    world = World()
    await world.call("PUT", F, {"faults": [rule()]})
    for _ in range(3):
        world.send()
    _, said, _ = await world.call("GET", f"{F}/log?since=1")
    assert [(one["number"], one["rule"], one["effect"]) for one in said] == [
        (2, "a", "silence"),
        (3, "a", "silence"),
    ]
    assert (await world.call("GET", f"{F}/log?since=x"))[0] == 400


async def test_a_seam_is_there_while_a_rule_may_act_at_it_and_no_longer() -> None:
    world = World()
    await world.call(
        "PUT",
        F,
        {
            "faults": [
                rule(gate={"until": "10 s"}),
                rule("b", match={"at": "turn"}, effect="refuse", gate={"rate": 0}),
            ]
        },
    )
    assert [name for name, seam in world.seams.items() if seam.there] == ["door"]
    world.pass_(9)
    assert world.seams["door"].there
    world.pass_(2)
    assert not world.seams["door"].there


async def test_stop_when_undoes_all_and_says_why() -> None:
    world = World()
    await world.call("PUT", F, {"faults": [rule()], "stop_when": ["error_rate(5xx, 30 s) > 0.5"]})
    world.answer(200, 503)
    world.pass_(1)
    assert world.send() == ["silence"]
    world.answer(503)
    world.pass_(1)
    assert world.send() == []
    assert not world.seams["door"].there
    _, said, _ = await world.call("GET", F)
    assert said["stopped"] == "stop_when error_rate(5xx, 30 s) > 0.5"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
async def test_beyond_this_machine_there_are_no_pages_without_a_token(host: str) -> None:
    status, said, _ = await World(host).call("GET", F)
    assert (status, "--faults-token" in said["error"]) == (403, True)


@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 401), ({"authorization": "Bearer no"}, 401), ({"authorization": "Bearer yes"}, 200)],
)
async def test_with_a_token_whoever_knows_it_is_let_in(given: dict[str, str], status: int) -> None:
    for host in ("0.0.0.0", "127.0.0.1"):
        world = World(host, "yes")
        assert (await world.call("GET", F, **given))[0] == status
        assert (await world.call("POST", "/_callboard/experiments", {}, **given))[0] == (
            201 if status == 200 else 401
        )


async def test_a_web_page_is_not_let_in() -> None:
    assert (await World("localhost").call("POST", f"{F}/panic", origin="http://evil.example"))[0] == 403
