from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import orjson
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import AskTimeout, CommitFailed, NotOwner, OutcomeUnknown, StoreFull
from runtime.door.aws.door import ASK_TIMEOUT
from runtime.door.http import Hangup, Response
from tests.runtime.door.aws.stage import ACCOUNT, BUILT, REGION, Stage, request

SEND = b'{"QueueUrl":"u","MessageBody":"x"}'


def signed(key_id: str = "test", region: str = "eu-west-1", service: str = "sqs") -> str:
    credential = f"{key_id}/20250101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"


def problem(response: Response) -> tuple[int, str]:
    return response.status, orjson.loads(response.body)["__type"]


# --- routing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["/", "/000000000000/orders", "/queue/eu-west-1/0/q", "/a?Action=ListQueues"]
)
def test_the_target_header_decides_on_any_path(target: str) -> None:
    stage = Stage()
    stage.send("POST", target, {"x-amz-target": "AmazonSQS.SendMessage"}, SEND)
    assert (stage.calls[0].operation, stage.calls[0].path) == ("SendMessage", target.partition("?")[0])


@pytest.mark.parametrize("target", ["AmazonSQS.Nonsense", "DynamoDB_20120810.PutItem", "", "AmazonSQS"])
def test_an_unknown_target_is_an_unknown_operation(target: str) -> None:
    response = Stage().send("POST", "/", {"x-amz-target": target}, b"{}")
    assert problem(response) == (400, "com.amazon.coral.service#UnknownOperationException")


def test_an_operation_that_is_not_built_says_so() -> None:
    response = Stage().json("StartMessageMoveTask", b"{}")
    assert problem(response) == (501, "com.amazon.coral.service#NotImplemented")
    text = "SQS.StartMessageMoveTask is not implemented by this node"
    assert orjson.loads(response.body)["message"] == text
    assert dict(response.headers)["x-amzn-query-error"] == "NotImplemented;Receiver"


@pytest.mark.parametrize(
    ("form", "authorization", "code"),
    [
        ("Action=Nonsense&Version=2012-11-05", "", "InvalidAction"),
        ("Action=Nonsense", "", "InvalidAction"),
        ("Action=Nonsense", signed(), "InvalidAction"),
        ("Action=AddPermission", "", "NotImplemented"),
        ("Action=AssumeRole&Version=2011-06-15", "", "NotImplemented"),
    ],
)
def test_an_action_that_nobody_serves_is_refused_in_xml(form: str, authorization: str, code: str) -> None:
    response = Stage().form(form, authorization=authorization)
    assert [
        element.text for element in ET.fromstring(response.body).iter() if element.tag.endswith("Code")
    ] == [code]


def test_the_version_says_which_service_is_meant() -> None:
    response = Stage().form("Action=GetCallerIdentity&Version=2011-06-15", authorization=signed())
    assert b"<Account>000000000000</Account>" in response.body


def test_a_signed_request_without_an_action_misses_its_action() -> None:
    response = Stage().send("GET", "/", {"authorization": signed()})
    assert problem(response) == (400, "com.amazon.coral.service#MissingActionException")


def test_what_is_no_aws_request_is_not_found() -> None:
    assert Stage().send("GET", "/favicon.ico").status == 404


def test_an_operation_outside_the_model_is_refused_at_the_start() -> None:
    stage = Stage()
    stage.operations["SendMesage"] = stage.operations["SendMessage"]
    with pytest.raises(ValueError, match="sqs has no operation SendMesage"):
        stage.open()


def test_two_services_of_one_name_are_refused_at_the_start() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="two services"):
        stage.open(stage.service)


# --- who calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "account", "region"),
    [
        ({}, ACCOUNT, REGION),
        ({"authorization": signed()}, ACCOUNT, "eu-west-1"),
        ({"authorization": signed("111122223333")}, "111122223333", "eu-west-1"),
        ({"authorization": signed(region="NOWHERE")}, ACCOUNT, REGION),
        ({"authorization": "Basic abc"}, ACCOUNT, REGION),
        ({"host": "sqs.ap-south-1.localhost:4566"}, ACCOUNT, "ap-south-1"),
        ({"host": "ap-south-1.queue.localhost:4566"}, ACCOUNT, "ap-south-1"),
        ({"host": "sqs.ap-south-1.localhost", "authorization": signed()}, ACCOUNT, "eu-west-1"),
    ],
)
def test_account_and_region_come_from_the_signature_then_the_host_then_the_node(
    headers: dict[str, str], account: str, region: str
) -> None:
    stage = Stage()
    stage.json("SendMessage", SEND, **headers)
    assert (stage.calls[0].account, stage.calls[0].region) == (account, region)


def test_a_presigned_credential_tells_the_region_too() -> None:
    stage = Stage()
    query = (
        "Action=SendMessage&MessageBody=x&X-Amz-Credential=test%2F20250101%2Fsa-east-1%2Fsqs%2Faws4_request"
    )
    stage.send("GET", f"/0/q?{query}", {"host": "h"})
    assert stage.calls[0].region == "sa-east-1"


@pytest.mark.parametrize(
    ("host", "base_url"),
    [("queue:4566", "http://queue:4566"), ("a b<", "http://localhost"), ("", "http://localhost")],
)
def test_the_base_url_is_the_host_that_the_client_wrote(host: str, base_url: str) -> None:
    stage = Stage()
    stage.json("SendMessage", SEND, host=host)
    assert stage.calls[0].base_url == base_url


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("cn-north-1", "arn:aws-cn:iam::"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::"),
        ("eu-west-1", "arn:aws:iam::"),
    ],
)
def test_the_principals_partition_is_the_regions(region: str, arn: str) -> None:
    stage = Stage()
    stage.json("SendMessage", SEND, authorization=signed(region=region))
    assert stage.calls[0].principal == f"{arn}{ACCOUNT}:root"


# --- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [StoreFull(), CommitFailed(), NotOwner(), OutcomeUnknown(), AskTimeout("late", begun=True)],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_of_the_runtime_is_service_unavailable(failure: Exception) -> None:
    def fail(call: object) -> Mapping[str, Any]:
        raise failure

    response = Stage(answer=fail).json("SendMessage", SEND)
    assert problem(response) == (503, "com.amazon.coral.service#ServiceUnavailable")
    assert dict(response.headers)["x-amzn-query-error"] == "ServiceUnavailable;Receiver"


def test_a_crash_is_an_internal_failure_that_says_nothing() -> None:
    def crash(call: object) -> Mapping[str, Any]:
        raise RuntimeError("the secret")

    response = Stage(answer=crash).json("SendMessage", SEND)
    assert problem(response) == (500, "com.amazon.coral.service#InternalFailure")
    assert b"secret" not in response.body


def test_an_answer_outside_the_model_is_an_internal_failure() -> None:
    response = Stage(answer=lambda _call: {"Nonsense": 1}).json("SendMessage", SEND)
    assert problem(response) == (500, "com.amazon.coral.service#InternalFailure")


def test_an_ask_has_a_deadline_unless_its_operation_waits() -> None:
    stage = Stage()
    stage.json("SendMessage", SEND)
    stage.json("ReceiveMessage", SEND)
    assert stage.timeouts == [ASK_TIMEOUT, None]


async def test_a_client_that_hangs_up_ends_an_operation_that_waits(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def hangs_up() -> AsyncGenerator[None]:
        with trio.CancelScope() as block:
            block.cancel()
            yield
        raise Hangup

    async def wait() -> Any:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("cancelled")

    stage = Stage(wait=wait)
    long_poll = request("POST", "/", {"x-amz-target": "AmazonSQS.ReceiveMessage"}, SEND)
    long_poll.hangup = hangs_up
    with trio.fail_after(60), pytest.raises(Hangup):
        await stage.door(long_poll)
    assert ended == ["cancelled"]


# --- anything at all --------------------------------------------------------------------------------------

TEXT = st.text(st.characters(max_codepoint=255), max_size=30)
ACTIONS = st.sampled_from([*BUILT, "GetCallerIdentity", "AssumeRole", "Nonsense", "\x00<"])
NAMES = st.sampled_from(
    [
        "QueueUrl",
        "MessageBody",
        "DelaySeconds",
        "Entries",
        "MessageAttributes",
        "Attributes",
        "Tags",
        "QueueName",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4)
    ),
)
WIRE_PARTS = st.sampled_from(
    ["1", "2", "Name", "Value", "Id", "MessageAttribute", "Attribute", "Tag", "DataType", ""]
)
FIELD = st.one_of(NAMES, st.lists(WIRE_PARTS, min_size=1, max_size=15).map(".".join), TEXT)
FORM = st.tuples(
    ACTIONS, st.sampled_from(["2012-11-05", "2011-06-15", ""]), st.dictionaries(FIELD, TEXT, max_size=6)
).map(lambda parts: {"Action": parts[0], "Version": parts[1], **parts[2]})
AUTHORIZATION = st.one_of(
    TEXT,
    st.builds(signed, TEXT, TEXT, st.sampled_from(["sqs", "sts", "s3"])),
    st.just("AWS4-HMAC-SHA256 ,=,"),
)


@given(ACTIONS, st.one_of(st.binary(max_size=50), JSON.map(orjson.dumps)), AUTHORIZATION, TEXT)
def test_any_targeted_request_gets_a_well_formed_json_answer(
    action: str, body: bytes, authorization: str, host: str
) -> None:
    headers = {"x-amz-target": f"AmazonSQS.{action}", "authorization": authorization, "host": host}
    response = QUIET.send("POST", "/", headers, body)
    assert isinstance(orjson.loads(response.body), dict)
    assert response.status < 500 or response.status == 501


@given(FORM, AUTHORIZATION, st.sampled_from(["GET", "POST"]))
def test_any_form_gets_a_well_formed_xml_answer(
    form: dict[str, str], authorization: str, method: str
) -> None:
    text = urlencode(form)
    target = "/0/q" if method == "POST" else f"/0/q?{text}"
    response = QUIET.send(method, target, {"authorization": authorization}, text.encode())
    assert ET.fromstring(response.body).tag
    assert response.status < 500 or response.status == 501


@given(
    st.sampled_from(["GET", "POST", "PUT", "\x00"]),
    TEXT,
    TEXT,
    st.dictionaries(
        st.sampled_from(["x-amz-target", "authorization", "content-type", "host", "x-amz-date"]),
        TEXT | AUTHORIZATION,
    ),
    st.binary(max_size=60),
)
def test_any_request_at_all_gets_an_answer(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    assert 200 <= QUIET.send(method, f"/{path}?{query}", headers, body).status <= 501


QUIET = Stage()
