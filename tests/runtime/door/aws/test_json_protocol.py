from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.door.aws.botocore_client import client
from tests.runtime.door.aws.stage import NoQueue, Stage

URL = "http://localhost:4566/000000000000/orders"
ATTRIBUTES = {
    "n": {"DataType": "Number", "StringValue": "1"},
    "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
}
ECHO = Stage()
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("CreateQueue", {"QueueName": "orders", "Attributes": {"DelaySeconds": "1"}, "tags": {"a": "b"}}),
    ("ListQueues", {"MaxResults": 5}),
    ("TagQueue", {"QueueUrl": URL, "Tags": {"k": "v"}}),
    ("SendMessage", {"QueueUrl": URL, "MessageBody": "é\r\n", "MessageAttributes": ATTRIBUTES}),
    ("ReceiveMessage", {"QueueUrl": URL, "MaxNumberOfMessages": 3, "MessageAttributeNames": ["*"]}),
    ("SendMessageBatch", {"QueueUrl": URL, "Entries": [{"Id": "1", "MessageBody": "x", "DelaySeconds": 2}]}),
]


def method(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]


@pytest.mark.parametrize(("operation", "given_input"), CALLS)
def test_an_operation_gets_the_members_that_the_client_gave(
    operation: str, given_input: dict[str, Any]
) -> None:
    stage = Stage()
    getattr(client("sqs", stage), method(operation))(**given_input)
    assert (stage.calls[-1].operation, stage.input) == (operation, given_input)


def test_the_client_gets_the_members_that_the_operation_answered() -> None:
    message = {"MessageId": "m", "Body": 'a "b" \r', "MessageAttributes": ATTRIBUTES, "MD5OfBody": None}
    stage = Stage(answer=lambda _call: {"Messages": [message]})
    (got,) = client("sqs", stage).receive_message(QueueUrl=URL)["Messages"]
    assert got == {"MessageId": "m", "Body": 'a "b" \r', "MessageAttributes": ATTRIBUTES}


def test_a_member_that_is_none_is_left_out() -> None:
    stage = Stage(answer=lambda _call: {"MessageId": "m", "SequenceNumber": None})
    assert stage.json("SendMessage", b'{"QueueUrl":"u","MessageBody":"x"}').body == b'{"MessageId":"m"}'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_body_arrives_as_it_was_sent(body: str) -> None:
    ECHO.json("SendMessage", orjson.dumps({"QueueUrl": URL, "MessageBody": body}))
    assert ECHO.input["MessageBody"] == body


def test_a_refusal_has_the_shape_and_the_query_code_for_boto3() -> None:
    def refuse(call: object) -> dict[str, Any]:
        raise NoQueue

    sqs = client("sqs", Stage(answer=refuse))
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="gone")
    error: Any = caught.value
    assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error.response["Error"]["Message"] == "The specified queue does not exist."
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_refusal_is_these_bytes_and_headers() -> None:
    def refuse(call: object) -> dict[str, Any]:
        raise NoQueue

    response = Stage(answer=refuse).json("GetQueueUrl", b'{"QueueName":"q"}')
    assert response.body == (
        b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}'
    )
    headers = dict(response.headers)
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert len(headers["x-amzn-RequestId"]) == 36


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "The request body is not valid JSON."),
        (b"\xff", "The request body is not valid JSON."),
        (b"[1]", "Start of list found where not expected"),
        (b"1", "Unexpected field type"),
        (b'{"MessageBody":1}', "NUMBER_VALUE cannot be converted to String"),
        (b'{"MessageBody":true}', "TRUE_VALUE cannot be converted to String"),
        (b'{"MessageBody":{}}', "Start of structure or map found where not expected."),
        (b'{"DelaySeconds":"1"}', "STRING_VALUE cannot be converted to Integer"),
        (b'{"DelaySeconds":1.5}', "NUMBER_VALUE cannot be converted to Integer"),
        (b'{"DelaySeconds":true}', "TRUE_VALUE cannot be converted to Integer"),
        (b'{"MessageAttributes":{"a":{"BinaryValue":"?"}}}', "A blob is not valid base64."),
        (b'{"MessageAttributes":{"a":null}}', "Unexpected field type"),
    ],
)
def test_a_body_that_does_not_fit_the_model_is_a_serialization_exception(body: bytes, text: str) -> None:
    stage = Stage()
    response = stage.json("SendMessage", body)
    got = orjson.loads(response.body)
    assert (response.status, got["__type"], got["message"]) == (
        400,
        "com.amazon.coral.service#SerializationException",
        text,
    )
    assert stage.calls == []


def test_unknown_members_and_null_are_as_good_as_absent() -> None:
    stage = Stage()
    stage.json("SendMessage", b'{"QueueUrl":"u","MessageBody":"x","Shiny":[1],"DelaySeconds":null}')
    assert stage.input == {"QueueUrl": "u", "MessageBody": "x"}


@pytest.mark.parametrize(
    ("operation", "body", "member"),
    [
        ("SendMessage", b'{"QueueUrl":"u"}', "MessageBody"),
        ("SendMessage", b"", "QueueUrl"),
        (
            "SendMessageBatch",
            b'{"QueueUrl":"u","Entries":[{"Id":"1","MessageBody":"x"},{"MessageBody":"x"}]}',
            "Entries.2.Id",
        ),
    ],
)
def test_a_required_member_that_is_missing_is_named_by_the_services_own_error(
    operation: str, body: bytes, member: str
) -> None:
    got = orjson.loads(Stage().json(operation, body).body)
    assert got["message"] == f"The request must contain the parameter {member}."


def test_the_models_enums_are_not_enforced_where_the_service_has_its_own_errors() -> None:
    stage = Stage()
    stage.json("GetQueueAttributes", b'{"QueueUrl":"u","AttributeNames":["Nonsense"]}')
    assert stage.input["AttributeNames"] == ["Nonsense"]
