"""A node whose faults come from a file: each as an unmodified boto3 client meets it, its own retries included."""

import json
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.wire.aws_sdk import BotoCoreError, ClientError, sqs
from tests.wire.nodes import RunningNode, node, run

pytestmark = pytest.mark.wire


class Faulty:
    """A node that allows faults, its pages, and clients of it."""

    def __init__(self, running: RunningNode) -> None:
        self.running = running
        self.url = running.url
        self._pool = urllib3.PoolManager(retries=False, timeout=20)
        self._clients: list[Any] = []

    def page(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of one of its pages."""
        text = body if isinstance(body, str) else None if body is None else json.dumps(body)
        answer = self._pool.request(method, f"{self.url}{path}", body=text, headers=headers)
        return answer.status, json.loads(answer.data) if answer.data else None

    def put(self, *rules: dict[str, Any], **more: Any) -> None:
        status, said = self.page("PUT", "/_callboard/faults", {"faults": rules, **more})
        assert status == 200, said

    def rule(self, name: str) -> dict[str, Any]:
        _, said = self.page("GET", "/_callboard/faults")
        return next(one for one in said["rules"] if one["name"] == name)

    def client(self, **options: Any) -> Any:
        made = sqs(self.url, **options)
        self._clients.append(made)
        return made

    def close(self) -> None:
        self._pool.clear()
        for client in self._clients:
            client.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningNode]:
    with node(tmp_path_factory.mktemp("faulty"), "--allow-faults") as running:
        yield running


@pytest.fixture
def faulty(shared: RunningNode) -> Generator[Faulty]:
    made = Faulty(shared)
    made.put()
    yield made
    made.put()
    made.close()


def at_door(operation: str = "SendMessage", **more: str) -> dict[str, str]:
    return {"at": "door", "service": "sqs", "operation": operation, **more}


def queue(client: Any, name: str) -> str:
    return str(client.create_queue(QueueName=name)["QueueUrl"])


def bodies(client: Any, url: str, most: int = 10) -> list[str]:
    messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=most).get("Messages", [])
    return [message["Body"] for message in messages]


def test_an_error_is_the_services_own_and_the_client_retries_it_away(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=3)
    url = queue(client, name)
    throttled = {"error": "RequestThrottled", "status": 400}
    faulty.put({"name": "t", "match": at_door(), "gate": {"nth": [1, 2]}, "effect": throttled})
    answer = client.send_message(QueueUrl=url, MessageBody="a")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert bodies(client, url) == ["a"]
    assert faulty.rule("t")["applied"] == 2


def test_an_error_has_the_code_and_the_status_of_its_rule_and_its_retry_after(
    faulty: Faulty, name: str
) -> None:
    client = faulty.client()
    url = queue(client, name)
    effect = {"error": "ThrottlingException", "status": 429, "retry_after": 7}
    faulty.put({"name": "t", "match": at_door(), "effect": effect})
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=url, MessageBody="a")
    response = caught.value.response
    assert response["Error"]["Code"] == "ThrottlingException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_a_reset_after_the_effect_makes_a_duplicate_of_the_retry(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    faulty.put({"name": "r", "match": at_door(), "gate": {"nth": 1}, "effect": "reset_after_effect"})
    client.send_message(QueueUrl=url, MessageBody="a")
    assert bodies(client, url) == ["a", "a"]


def test_a_reset_before_the_effect_leaves_nothing_behind(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    faulty.put({"name": "r", "match": at_door(), "gate": {"nth": 1}, "effect": "reset_before_effect"})
    client.send_message(QueueUrl=url, MessageBody="a")
    assert bodies(client, url) == ["a"]


@pytest.mark.parametrize(("after", "left"), [(False, []), (True, ["a"])])
def test_a_500_comes_before_or_after_the_effect(
    faulty: Faulty,
    name: str,
    after: bool,  # noqa: FBT001 -- a parameter of the test
    left: list[str],
) -> None:
    client = faulty.client()
    url = queue(client, name)
    effect = {"error": "InternalFailure", "after_effect": after}
    faulty.put({"name": "e", "match": at_door(), "effect": effect})
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=url, MessageBody="a")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert bodies(client, url) == left


def test_of_a_reply_that_is_cut_short_boto3_makes_a_success_with_nothing_in_it(
    faulty: Faulty, name: str
) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    faulty.put({"name": "c", "match": at_door(), "gate": {"nth": 1}, "effect": {"truncate": 5}})
    answer = client.send_message(QueueUrl=url, MessageBody="a")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer.keys()) == (200, {"ResponseMetadata"})
    assert bodies(client, url) == ["a"]


def test_silence_makes_the_client_run_into_its_read_timeout(faulty: Faulty, name: str) -> None:
    client = faulty.client(read_timeout=0.3)
    url = queue(client, name)
    faulty.put({"name": "s", "match": at_door(), "effect": "silence"})
    with pytest.raises(BotoCoreError, match="timeout"):
        client.send_message(QueueUrl=url, MessageBody="a")
    assert bodies(client, url) == []


@pytest.mark.parametrize("effect", [{"latency": "1 s"}, {"slow_body": "5 s"}])
def test_a_slow_reply_is_too_late_for_a_client_that_is_in_a_hurry(
    faulty: Faulty, name: str, effect: dict[str, str]
) -> None:
    hurried, patient = faulty.client(read_timeout=0.3), faulty.client()
    url = queue(hurried, name)
    faulty.put({"name": "l", "match": at_door(), "gate": {"budget": 1}, "effect": effect})
    with pytest.raises(BotoCoreError):
        hurried.send_message(QueueUrl=url, MessageBody="a")
    assert patient.send_message(QueueUrl=url, MessageBody="b")["MessageId"]


def test_a_rule_hits_the_resource_and_the_client_that_it_names_alone(faulty: Faulty, name: str) -> None:
    mine, other = faulty.client(key="mine"), faulty.client(key="other")
    here, there = queue(mine, name), queue(mine, f"{name[:70]}-not")
    match = at_door(resource=name, client="mi*")
    faulty.put({"name": "x", "match": match, "effect": {"error": "ServiceUnavailable"}})
    other.send_message(QueueUrl=here, MessageBody="a")
    mine.send_message(QueueUrl=there, MessageBody="a")
    with pytest.raises(ClientError):
        mine.send_message(QueueUrl=here, MessageBody="a")


def test_the_first_attempt_of_each_call_fails_and_its_retry_does_not(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    gate = {"per": "message", "nth": 1}
    faulty.put({"name": "m", "match": at_door(), "gate": gate, "effect": {"error": "ServiceUnavailable"}})
    answers = [client.send_message(QueueUrl=url, MessageBody="a") for _ in range(3)]
    assert [one["ResponseMetadata"]["RetryAttempts"] for one in answers] == [1, 1, 1]


def test_a_rule_ends_with_its_budget(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    rule = {"name": "b", "match": at_door(), "gate": {"budget": 2}, "effect": {"error": "SlowDown"}}
    faulty.put(rule)
    for _ in range(2):
        with pytest.raises(ClientError):
            client.send_message(QueueUrl=url, MessageBody="a")
    client.send_message(QueueUrl=url, MessageBody="a")
    assert faulty.rule("b")["applied"] == 2


def test_a_standard_queue_gives_a_message_twice_and_a_fifo_queue_does_not(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    fifo = client.create_queue(
        QueueName=f"{name[:60]}.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="a")
    client.send_message(QueueUrl=fifo, MessageBody="a", MessageGroupId="g")
    faulty.put({"name": "d", "match": {"at": "delivery"}, "effect": "duplicate"})
    assert (bodies(client, url, 1), bodies(client, url, 1)) == (["a"], ["a"])
    assert (bodies(client, fifo), bodies(client, fifo)) == (["a"], [])
    assert faulty.rule("d")["applied"] == 1


def test_a_consumer_that_is_stuck_holds_what_it_has_received(faulty: Faulty, name: str) -> None:
    stuck, other = faulty.client(read_timeout=0.3), faulty.client()
    url = queue(other, name)
    other.send_message(QueueUrl=url, MessageBody="a")
    faulty.put({"name": "s", "match": {"at": "consumer"}, "effect": "silence"})
    with pytest.raises(BotoCoreError):
        bodies(stuck, url)
    counts = other.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_an_actor_that_is_crashed_at_an_effect_comes_back_and_the_retry_goes_through(
    faulty: Faulty, name: str
) -> None:
    client = faulty.client(retries=2)
    url = queue(client, name)
    match = {"at": "effect", "actor": f"/queue/*/{name}", "kind": "stage"}
    faulty.put({"name": "crash", "match": match, "gate": {"nth": 1}, "effect": "crash"})
    assert client.send_message(QueueUrl=url, MessageBody="a")["ResponseMetadata"]["RetryAttempts"] == 1
    assert bodies(client, url) == ["a"]
    assert "InjectedCrash" in faulty.running.said()


def test_a_message_that_is_kept_out_by_a_rule_is_a_500_and_a_dead_letter(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    match = {"at": "turn", "actor": f"/queue/*/{name}", "of": "SendMessage"}
    faulty.put({"name": "out", "match": match, "gate": {"nth": 1}, "effect": "refuse"})
    assert client.send_message(QueueUrl=url, MessageBody="a")["ResponseMetadata"]["RetryAttempts"] == 1
    assert bodies(client, url) == ["a"]
    metrics = urllib3.request("GET", f"{faulty.url}/metrics").data.decode()
    assert 'callboard_dead_letters_total{reason="fault"} 1' in metrics


def test_a_full_disk_refuses_what_is_written_and_goes_on_reading(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    faulty.put({"name": "full", "match": {"at": "disk", "actor": f"*/{name}"}, "effect": "full"})
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=url, MessageBody="a")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert client.get_queue_url(QueueName=name)["QueueUrl"] == url


def test_a_commit_whose_answer_is_lost_stands_and_the_retry_is_a_duplicate(faulty: Faulty, name: str) -> None:
    client = faulty.client(retries=1)
    url = queue(client, name)
    match = {"at": "disk", "actor": f"/queue/*/{name}"}
    faulty.put({"name": "lost", "match": match, "gate": {"nth": 1}, "effect": "ack_lost"})
    assert client.send_message(QueueUrl=url, MessageBody="a")["ResponseMetadata"]["RetryAttempts"] == 1
    assert bodies(client, url) == ["a", "a"]


def test_a_slow_disk_makes_a_client_wait_that_writes_and_none_that_reads(faulty: Faulty, name: str) -> None:
    hurried = faulty.client(read_timeout=0.5)
    url = queue(hurried, name)
    match = {"at": "disk", "actor": f"/queue/*/{name}"}
    faulty.put({"name": "slow", "match": match, "effect": {"slow": "2 s"}})
    with pytest.raises(BotoCoreError, match="timeout"):
        hurried.send_message(QueueUrl=url, MessageBody="a")
    assert hurried.get_queue_url(QueueName=name)["QueueUrl"] == url


def test_stop_when_ends_the_faults_of_a_node_that_suffers_too_much(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    rule = {"name": "s", "match": at_door(), "effect": {"error": "ServiceUnavailable"}}
    faulty.put(rule, stop_when=["error_rate(5xx, 60 s) >= 0.5"])
    with pytest.raises(ClientError):
        client.send_message(QueueUrl=url, MessageBody="a")
    until(faulty, "/_callboard/faults", lambda said: said["stopped"] is not None)
    client.send_message(QueueUrl=url, MessageBody="a")


def test_an_experiment_is_run_and_undone_over_the_wire(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    rule = {"name": "e", "match": at_door(), "effect": {"error": "ServiceUnavailable"}, "gate": {"budget": 1}}
    status, begun = faulty.page("POST", "/_callboard/experiments", {"faults": [rule]})
    assert (status, begun["state"]) == (201, "running")
    with pytest.raises(ClientError):
        client.send_message(QueueUrl=url, MessageBody="a")
    where = f"/_callboard/experiments/{begun['id']}"
    done = until(faulty, where, lambda said: said["state"] == "done")
    assert (done["outcome"], done["injected"], done["recovered"]) == ("completed", {"e": 1}, True)
    client.send_message(QueueUrl=url, MessageBody="a")


def until(faulty: Faulty, path: str, true: Callable[[Any], bool]) -> Any:
    """What a page says when it is true: the node looks once a second, and a client has no other sign of it."""
    said: Any = None
    for _ in range(20_000):
        _, said = faulty.page("GET", path)
        if true(said):
            return said
    raise AssertionError(said)


def test_a_fault_is_counted_and_logged_with_the_name_of_its_rule(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    _, before = faulty.page("GET", "/_callboard/faults/log")
    since = before[-1]["number"] if before else 0
    faulty.put(
        {"name": "counted-one", "match": at_door(), "gate": {"budget": 1}, "effect": {"error": "SlowDown"}}
    )
    with pytest.raises(ClientError):
        client.send_message(QueueUrl=url, MessageBody="a")
    _, injected = faulty.page("GET", f"/_callboard/faults/log?since={since}")
    assert [(one["rule"], one["seam"], one["effect"]) for one in injected] == [
        ("counted-one", "door", "error")
    ]
    assert injected[0]["target"] == f"sqs.SendMessage {name}"
    metrics = urllib3.request("GET", f"{faulty.url}/metrics").data.decode()
    assert 'callboard_faults_injected_total{rule="counted-one"} 1' in metrics
    assert "counted-one" in faulty.running.said()


def test_a_node_starts_with_the_rules_of_its_file(tmp_path: Path, name: str) -> None:
    rules = tmp_path / "faults.yaml"
    rules.write_text(
        """
faults:
  - name: throttled-sends
    match: {at: door, service: sqs, operation: "Send*"}
    gate: {until: 1 h}
    effect: {error: RequestThrottled, status: 400}
"""
    )
    with node(tmp_path, "--faults", str(rules)) as running:
        faulty = Faulty(running)
        client = faulty.client()
        url = queue(client, name)
        with pytest.raises(ClientError, match="RequestThrottled"):
            client.send_message(QueueUrl=url, MessageBody="a")
        faulty.close()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "faults:\n- name: a\n  match: {at: dor}\n  effect: crash",
            "faults.yaml, line 3 (faults.0.match.at)",
        ),
        (
            "faults:\n- name: a\n  match: {at: door, service: s3}\n  effect: silence",
            "no service s3; there are sqs",
        ),
        (
            "faults:\n- name: a\n  match: {at: effect, actor: /quue/*}\n  effect: crash",
            "fits no address here",
        ),
    ],
)
def test_a_node_does_not_start_with_a_bad_file_and_says_where_it_is_bad(
    tmp_path: Path, rules: str, said: str
) -> None:
    (tmp_path / "faults.yaml").write_text(rules)
    ended = run(tmp_path, "up", "--memory", "--port", "0", "--faults", "faults.yaml")
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Endpoint" not in ended.stdout


def test_a_node_that_does_not_allow_faults_has_no_page_of_them(shared_node: RunningNode) -> None:
    assert urllib3.request("GET", f"{shared_node.url}/_callboard/faults").status == 404


def test_chaos_rules_that_were_written_for_localstack_work_here(faulty: Faulty, name: str) -> None:
    client = faulty.client()
    url = queue(client, name)
    rules = [{"service": "sqs", "operation": "SendMessage", "error": {"statusCode": 500, "code": "Mine"}}]
    assert faulty.page("POST", "/_localstack/chaos/faults", rules)[0] == 200
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=url, MessageBody="a")
    assert caught.value.response["Error"]["Code"] == "Mine"
    assert faulty.page("DELETE", "/_localstack/chaos/faults")[0] == 200
    client.send_message(QueueUrl=url, MessageBody="a")


def test_a_node_that_allows_faults_stops_in_order(tmp_path: Path) -> None:
    with node(tmp_path, "--allow-faults") as running:
        assert running.stop(signal.SIGTERM) == 0
