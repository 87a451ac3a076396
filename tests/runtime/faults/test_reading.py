"""Fault files: what is taken, and that what is wrong is refused with its place."""

from typing import Any

import pytest

from actors import Message
from patterns.queue.aws import SQS
from runtime.faults.installed import InPython, Installed
from runtime.faults.reading import SIZE_MAX, read
from runtime.faults.refusal import BadFaults
from runtime.faults.rule import Effect, FaultFile, Gate, Match, Rule, Seam

FILE = """
version: 1
faults:
  - name: throttled-sends
    match: {at: door, service: sqs, operation: SendMessage, resource: "orders-*"}
    gate: {rate: 0.1, after: 20 s, until: 80 s, budget: 50, per: client, skip: 3}
    effect: {error: RequestThrottled, status: 400}
  - name: crash-in-the-gap
    match: {at: effect, actor: "/queue/*", kind: stage}
    gate: {nth: [1, 7], every: 60 s, for: 15 s, while: "requests(*, 30 s) > 5"}
    effect: crash
limits: {blast_radius: {nodes: 1, share_of_requests: 0.25}, total: 500}
stop_when: ["error_rate(5xx, 30 s) > 0.5"]
"""


def refused(text: str) -> str:
    with pytest.raises(BadFaults) as caught:
        read(text, FaultFile, "f.yaml")
    return str(caught.value)


def one(rest: str) -> str:
    return f"faults:\n- name: a\n{rest}"


def test_a_file_becomes_the_rules_that_python_would_write() -> None:
    file, _ = read(FILE, FaultFile, "f.yaml")
    throttled, crash = file.faults
    assert throttled == Rule(
        name="throttled-sends",
        match=Match(at="door", service="sqs", operation="SendMessage", resource="orders-*"),
        gate=Gate(rate=0.1, after=20, until=80, budget=50, per="client", skip=3),
        effect=Effect(error="RequestThrottled", status=400),
    )
    assert (crash.gate.nth, crash.gate.every, crash.gate.for_) == ((1, 7), 60, 15)
    assert crash.effect.kind == "crash"
    assert file.limits.blast_radius.share_of_requests == 0.25
    assert [str(condition) for condition in file.stop_when] == ["error_rate(5xx, 30 s) > 0.5"]


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (one("  match: {at: dor}\n  effect: crash"), "line 3 (faults.0.match.at)", "'door'"),
        (one("  match: {at: link}\n  effect: crash"), "line 3", "for a simulation"),
        (one("  match: {at: door, of: X}\n  effect: silence"), "line 3 (faults.0.match)", "there is no of"),
        (one("  match: {at: door}\n  effect: crash"), "line 2 (faults.0)", "at door there is no crash"),
        (one("  match: {at: door}\n  efect: silence"), "line 2", "effect is missing"),
        (
            one("  match: {at: door}\n  gate: {ratee: 1}\n  effect: silence"),
            "line 4 (faults.0.gate.ratee)",
            "there is no ratee",
        ),
        (
            one("  match: {at: door}\n  gate:\n    until: soon\n  effect: silence"),
            "line 5",
            "a number and a unit",
        ),
        (one("  match: {at: door}\n  gate: {every: 5 s}\n  effect: silence"), "line 4", "every and for"),
        (one("  match: {at: door}\n  effect: {error: A, latency: 1 s}"), "line 4", "an effect is one of"),
        (one("  match: {at: door}\n  effect: {latency: 1 s, status: 500}"), "line 4", "belong to an error"),
        (
            one("  match: {at: disk}\n  gate: {per: client}\n  effect: full"),
            "line 2",
            "nothing is counted per client",
        ),
        (one("  match: {at: effect, kind: explode}\n  effect: crash"), "line 3", "no effect of an actor"),
        ("stop_when: ['never(lost)']", "line 1 (stop_when)", "known in a simulation alone"),
        ("x: 1", "line 1 (x)", "there is no x"),
        ("faults: []\nfaults: []", "line 2", "stands here twice"),
        ("faults: [a: b", "line 1", ""),
        ("a: &x [1]\nb: *x", "line 1", "aliases"),
        ("a: !!python/object/apply:os.system [x]", "line 1", ""),
        ("[" * 4_000, "line 1", "deeper than"),
        ("# " + "x" * SIZE_MAX, "f.yaml", "larger than"),
        (
            one("  match: {at: door}\n  effect: silence\n")
            + "- name: a\n  match: {at: door}\n  effect: silence",
            "line 1",
            "two rules",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, place: str, why: str) -> None:
    said = refused(text)
    assert said.startswith("f.yaml")
    assert place in said
    assert why in said


def test_a_rule_of_python_may_name_a_message_by_its_class() -> None:
    class Buy(Message[None]):
        """Buy."""

    assert Match(at="turn", of=Buy).of == "Buy"  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def here(**match: Any) -> FaultFile:
    effect = (
        Effect(crash=True) if match["at"] == "effect" else Effect(error=match.pop("error", "InternalError"))
    )
    return FaultFile(faults=(Rule(name="a", match=Match(**match), effect=effect),))


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"at": "door", "service": "s3"}, "faults.0.match.service: no service s3; there are sqs"),
        ({"at": "door", "operation": "SendMesage"}, "no SendMesage here"),
        ({"at": "door", "error": "NoSuchThing"}, "no error NoSuchThing"),
        ({"at": "effect", "actor": "/quue/*"}, "/quue/* fits no address here; they begin with one of /queue"),
        ({"at": "effect", "actor": "queue/*"}, "fits no address"),
    ],
)
def test_what_a_node_does_not_have_is_refused(match: dict[str, Any], said: str) -> None:
    node = Installed([SQS], lambda: ["queue"])
    with pytest.raises(BadFaults) as caught:
        node.check(here(**match), InPython())
    assert said in str(caught.value)


@pytest.mark.parametrize("actor", ["/queue/*", "*/orders", "/q*/1/2/orders", "/[pq]ueue/*"])
def test_an_address_that_may_fit_is_taken(actor: str) -> None:
    Installed([], lambda: ["queue"]).check(here(at="effect", actor=actor), InPython())


@pytest.mark.parametrize(
    ("at", "effect"),
    [
        ("effect", Effect(pause=1.0)),
        ("effect", Effect(jump=-1.0)),
        ("effect", Effect(drift=1.0)),
        ("disk", Effect(fsync_error="gone")),
        ("disk", Effect(read_error=True)),
    ],
)
def test_what_only_a_simulation_can_do_is_refused_by_a_running_node(at: Seam, effect: Effect) -> None:
    file = FaultFile(faults=(Rule(name="a", match=Match(at=at), effect=effect),))
    with pytest.raises(BadFaults, match=f"{effect.kind} is for a simulation"):
        Installed([], lambda: ["queue"]).check(file, InPython())
