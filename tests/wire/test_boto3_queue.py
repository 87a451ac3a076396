"""The queue through an unmodified boto3: the answers' members, and the errors' codes and classes."""

import json
from hashlib import md5
from typing import Any

import pytest

from tests.wire.aws_sdk import ClientError, sqs, sqs_resource
from tests.wire.nodes import REGION, RunningNode

pytestmark = pytest.mark.wire

ALL = ["All"]
EVERY_CHARACTER = "".join(
    chr(point)
    for first, last in (
        (0x20, 0x2FF),
        (0x4E00, 0x4EFF),
        (0xD700, 0xD7FF),
        (0xE000, 0xE0FF),
        (0xFF00, 0xFFFD),
        (0x1F300, 0x1F6FF),
        (0x10FFF0, 0x10FFFF),
    )
    for point in range(first, last + 1)
)
CODE = "AWS.SimpleQueueService."


def members(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def receive(client: Any, url: str, **asked: Any) -> list[dict[str, Any]]:
    asked = {"MaxNumberOfMessages": 10, **asked}
    answer = client.receive_message(QueueUrl=url, **asked)
    return list(answer.get("Messages", []))


def counts(client: Any, url: str) -> tuple[int, int, int]:
    names = ["", "NotVisible", "Delayed"]
    asked = [f"ApproximateNumberOfMessages{name}" for name in names]
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    return int(shown[asked[0]]), int(shown[asked[1]]), int(shown[asked[2]])


def test_a_message_goes_through_its_whole_life(client: Any, url: str) -> None:
    sent = client.send_message(QueueUrl=url, MessageBody="hello")
    assert members(sent) == {"MessageId": sent["MessageId"], "MD5OfMessageBody": md5(b"hello").hexdigest()}
    (taken,) = receive(client, url)
    assert set(taken) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    assert counts(client, url) == (0, 1, 0)
    client.change_message_visibility(QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(client, url)
    assert again["MessageId"] == sent["MessageId"]
    assert members(client.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])) == {}
    assert counts(client, url) == (0, 0, 0)
    assert members(client.receive_message(QueueUrl=url)) == {}


def test_every_allowed_character_comes_back_as_it_went(client: Any, url: str) -> None:
    body = "\t\n\r" + EVERY_CHARACTER
    sent = client.send_message(QueueUrl=url, MessageBody=body)
    assert sent["MD5OfMessageBody"] == md5(body.encode()).hexdigest()
    (taken,) = receive(client, url)
    assert taken["Body"] == body


@pytest.mark.parametrize("wrong", ["\x00", "a\x08", "\x1f", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_hold_is_refused(client: Any, url: str, wrong: str) -> None:
    with pytest.raises(client.exceptions.InvalidMessageContents) as refused:
        client.send_message(QueueUrl=url, MessageBody=wrong)
    assert refused.value.response["Error"]["Code"] == "InvalidMessageContents"


def test_a_body_of_one_mebibyte_fits_and_one_byte_more_does_not(client: Any, url: str) -> None:
    body = "x" * 1_048_576
    client.send_message(QueueUrl=url, MessageBody=body)
    assert receive(client, url)[0]["Body"] == body
    with pytest.raises(ClientError, match="Message must be shorter than 1048576 bytes") as refused:
        client.send_message(QueueUrl=url, MessageBody=body + "x")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_message_attributes_of_all_types_come_back_with_their_digest(client: Any, url: str) -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number.x": {"DataType": "Number.float", "StringValue": "1.50"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": bytes(range(256))},
    }
    sent = client.send_message(
        QueueUrl=url,
        MessageBody="a",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e-67"}},
    )
    assert sent["MD5OfMessageSystemAttributes"]
    (taken,) = receive(
        client, url, MessageAttributeNames=ALL, MessageSystemAttributeNames=ALL, VisibilityTimeout=0
    )
    assert taken["MessageAttributes"] == attributes
    assert taken["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert taken["Attributes"]["AWSTraceHeader"] == "Root=1-5e-67"
    for names, expected in (
        (["text"], {"text"}),
        (["number.*"], {"number.x"}),
        ([".*"], set(attributes)),
        (["*"], set(attributes)),
        (["none"], set[str]()),
        ([], set[str]()),
    ):
        (taken,) = receive(client, url, MessageAttributeNames=names, VisibilityTimeout=0)
        assert set(taken.get("MessageAttributes", {})) == expected
        assert ("MD5OfMessageAttributes" in taken) == bool(expected)


def test_system_attributes_are_what_was_asked_for_by_either_name(client: Any, url: str) -> None:
    client.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="tenant")
    (new,) = receive(client, url, MessageSystemAttributeNames=["SentTimestamp"], VisibilityTimeout=0)
    (old,) = receive(client, url, AttributeNames=["SenderId"], VisibilityTimeout=0)
    (every,) = receive(client, url, AttributeNames=ALL, VisibilityTimeout=0)
    assert set(new["Attributes"]) == {"SentTimestamp"}
    assert old["Attributes"] == {"SenderId": "000000000000"}
    assert set(every["Attributes"]) == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
    }
    assert every["Attributes"]["ApproximateReceiveCount"] == "3"


def test_batches_succeed_and_fail_entry_by_entry(client: Any, url: str) -> None:
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b", "DelaySeconds": 901}]
    answer = client.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["1"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("2", True, "InvalidParameterValue")
    (taken,) = receive(client, url)
    handles = [{"Id": "ok", "ReceiptHandle": taken["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "x"}]
    changed = client.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**one, "VisibilityTimeout": 60} for one in handles]
    )
    deleted = client.delete_message_batch(QueueUrl=url, Entries=handles)
    for answer in (changed, deleted):
        assert answer["Successful"] == [{"Id": "ok"}]
        assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]
    assert counts(client, url) == (0, 0, 0)


def test_every_attribute_that_was_given_is_shown_as_it_was_given(client: Any, name: str) -> None:
    given = {
        "DelaySeconds": "1",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "60",
        "ReceiveMessageWaitTimeSeconds": "2",
        "VisibilityTimeout": "3",
        "Policy": '{"Version": "2012-10-17", "Statement": []}',
        "RedriveAllowPolicy": '{"redrivePermission": "denyAll"}',
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "600",
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    url = client.create_queue(QueueName=f"{name[-70:]}.fifo", Attributes=given)["QueueUrl"]
    shown = client.get_queue_attributes(QueueUrl=url, AttributeNames=ALL)["Attributes"]
    assert {key: shown[key] for key in given} == given
    assert set(shown) - set(given) == {
        "SqsManagedSseEnabled",
        "QueueArn",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    }
    assert shown["QueueArn"] == f"arn:aws:sqs:{REGION}:000000000000:{name[-70:]}.fifo"
    assert shown["CreatedTimestamp"].isdigit()
    assert members(client.get_queue_attributes(QueueUrl=url)) == {}


def test_tags_of_create_and_of_tag_queue_are_listed(client: Any, name: str) -> None:
    url = client.create_queue(QueueName=name, tags={"a": "1"})["QueueUrl"]
    client.tag_queue(QueueUrl=url, Tags={"b": "2", "a": "3"})
    assert client.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "3", "b": "2"}
    client.untag_queue(QueueUrl=url, TagKeys=["a", "b"])
    assert members(client.list_queue_tags(QueueUrl=url)) == {}


def test_queues_are_listed_by_prefix_and_page_by_page(client: Any) -> None:
    for number in range(5):
        client.create_queue(QueueName=f"paged-{number}")
    assert members(client.list_queues(QueueNamePrefix="nothing-here")) == {}
    pages = list(
        client.get_paginator("list_queues").paginate(
            QueueNamePrefix="paged-", PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["QueueUrls"]) for page in pages] == [2, 2, 1]
    assert "NextToken" not in client.list_queues(QueueNamePrefix="paged-")


def test_the_url_is_of_the_host_that_was_asked_and_any_host_is_read(
    client: Any, url: str, name: str, shared_node: RunningNode
) -> None:
    assert url == f"{shared_node.url}/000000000000/{name}"
    assert client.get_queue_url(QueueName=name)["QueueUrl"] == url
    for form in (
        f"http://elsewhere:1/000000000000/{name}",
        f"https://sqs.{REGION}.amazonaws.com/000000000000/{name}",
        f"{url}/",
        name,
    ):
        client.send_message(QueueUrl=form, MessageBody="a")
    assert counts(client, url) == (4, 0, 0)


def test_accounts_and_regions_have_queues_of_their_own(
    client: Any, url: str, shared_node: RunningNode, name: str
) -> None:
    other = sqs(shared_node.url, key="111111111111")
    with pytest.raises(other.exceptions.QueueDoesNotExist):
        other.get_queue_url(QueueName=name)
    assert other.create_queue(QueueName=name)["QueueUrl"].endswith(f"/111111111111/{name}")
    other.close()


def test_dead_letters_move_and_the_counts_say_so(client: Any, url: str, name: str) -> None:
    dead = client.create_queue(QueueName=f"{name[-70:]}-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    assert client.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sent = client.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert len(receive(client, url, VisibilityTimeout=0)) == 1
    assert receive(client, url) == []
    assert (counts(client, url), counts(client, dead)) == ((0, 0, 0), (1, 0, 0))
    (letter,) = receive(client, dead, AttributeNames=ALL)
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(f":{name}")


def test_fifo_keeps_groups_in_order_and_drops_duplicates(client: Any, fifo: str) -> None:
    for body in ("a", "b", "a"):
        sent = client.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
        assert len(sent["SequenceNumber"]) == 20
    taken = receive(client, fifo, AttributeNames=ALL, ReceiveRequestAttemptId="once")
    assert [one["Body"] for one in taken] == ["a", "b"]
    assert taken[0]["Attributes"]["MessageGroupId"] == "g"
    client.send_message(QueueUrl=fifo, MessageBody="c", MessageGroupId="g")
    assert receive(client, fifo) == []


def test_a_purge_empties_the_queue(client: Any, url: str) -> None:
    client.send_message(QueueUrl=url, MessageBody="a")
    assert members(client.purge_queue(QueueUrl=url)) == {}
    assert counts(client, url) == (0, 0, 0)


def test_a_deleted_queue_is_gone(client: Any, url: str) -> None:
    client.delete_queue(QueueUrl=url)
    with pytest.raises(client.exceptions.QueueDoesNotExist) as refused:
        client.send_message(QueueUrl=url, MessageBody="a")
    assert refused.value.response["Error"]["Code"] == f"{CODE}NonExistentQueue"
    assert refused.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_resource_interface_does_a_whole_round(shared_node: RunningNode, name: str) -> None:
    queues = sqs_resource(shared_node.url)
    queue = queues.create_queue(QueueName=name, Attributes={"DelaySeconds": "0"})
    queue.send_message(MessageBody="a", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    queue.send_messages(Entries=[{"Id": "1", "MessageBody": "b"}])
    taken = queue.receive_messages(MaxNumberOfMessages=10, MessageAttributeNames=ALL, WaitTimeSeconds=1)
    assert [one.body for one in taken] == ["a", "b"]
    assert taken[0].message_attributes["k"]["StringValue"] == "v"
    taken[0].change_visibility(VisibilityTimeout=5)
    taken[0].delete()
    queue.delete_messages(Entries=[{"Id": "1", "ReceiptHandle": taken[1].receipt_handle}])
    queue.load()
    assert queue.attributes["ApproximateNumberOfMessages"] == "0"
    assert queues.get_queue_by_name(QueueName=name).url == queue.url
    assert [one.url for one in queues.queues.filter(QueueNamePrefix=name)] == [queue.url]
    queue.purge()
    queue.delete()
    queues.meta.client.close()


ENTRY = {"Id": "1", "MessageBody": "a"}
TEXT = {"DataType": "String", "StringValue": "v"}
REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("send_message", {"MessageBody": ""}, "MissingParameter", "MessageBody"),
    ("send_message", {"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid"),
    ("send_message", {"MessageBody": "a", "DelaySeconds": -1}, "InvalidParameterValue", "DelaySeconds must be >= 0 and <= 900"),
    ("send_message", {"MessageBody": "a", "MessageDeduplicationId": "d"}, "InvalidParameterValue", "not valid for this queue type"),
    ("send_message", {"MessageBody": "a", "MessageAttributes": {"k": {"DataType": "String", "StringValue": ""}}}, "InvalidParameterValue", "must contain a non-empty value of type 'String'"),
    ("send_message", {"MessageBody": "a", "MessageAttributes": {"k": {"DataType": "Odd", "StringValue": "x"}}}, "InvalidParameterValue", "invalid message attribute type"),
    ("send_message", {"MessageBody": "a", "MessageAttributes": {"AWS.k": TEXT}}, "InvalidParameterValue", "reserved for internal use"),
    ("send_message", {"MessageBody": "a", "MessageAttributes": {str(n): TEXT for n in range(11)}}, "InvalidParameterValue", "Number of message attributes \\[11\\] exceeds"),
    ("send_message_batch", {"Entries": []}, f"{CODE}EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request"),
    ("send_message_batch", {"Entries": [{**ENTRY, "Id": str(n)} for n in range(11)]}, f"{CODE}TooManyEntriesInBatchRequest", "You have sent 11"),
    ("send_message_batch", {"Entries": [ENTRY, ENTRY]}, f"{CODE}BatchEntryIdsNotDistinct", "Id 1 repeated"),
    ("send_message_batch", {"Entries": [{**ENTRY, "Id": "a b"}]}, f"{CODE}InvalidBatchEntryId", "A batch entry id"),
    ("send_message_batch", {"Entries": [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)]}, f"{CODE}BatchRequestTooLong", "You have sent 1200000 bytes"),
    ("delete_message_batch", {"Entries": []}, f"{CODE}EmptyBatchRequest", "DeleteMessageBatchRequestEntry"),
    ("change_message_visibility_batch", {"Entries": []}, f"{CODE}EmptyBatchRequest", "ChangeMessageVisibilityBatchRequestEntry"),
    ("receive_message", {"MaxNumberOfMessages": 0}, "InvalidParameterValue", "Must be between 1 and 10, if provided"),
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages"),
    ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Must be >= 0 and <= 20"),
    ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue", "Must be >= 0 and <= 43200"),
    ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", 'The input receipt handle "x" is not a valid receipt handle'),
    ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}, "ReceiptHandleIsInvalid", "not a valid receipt handle"),
    ("get_queue_attributes", {"AttributeNames": ["Odd"]}, "InvalidAttributeName", "Unknown Attribute Odd"),
    ("set_queue_attributes", {"Attributes": {"Odd": "1"}}, "InvalidAttributeName", "Unknown Attribute Odd"),
    ("set_queue_attributes", {"Attributes": {"QueueArn": "1"}}, "InvalidAttributeName", "Unknown Attribute QueueArn"),
    ("set_queue_attributes", {"Attributes": {"VisibilityTimeout": "99999999999999999999"}}, "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout"),
    ("set_queue_attributes", {"Attributes": {"RedrivePolicy": "x"}}, "InvalidParameterValue", "Redrive policy is not a valid JSON map"),
    ("list_queues", {"MaxResults": 0}, "InvalidParameterValue", "MaxResults must be an integer between 1 and 1000"),
    ("tag_queue", {"Tags": {}}, "MissingParameter", "Tags"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "given", "code", "text"), REFUSALS, ids=[f"{one[0]}-{n}" for n, one in enumerate(REFUSALS)]
)
def test_a_refusal_has_the_services_code_and_text(
    client: Any, url: str, call: str, given: dict[str, Any], code: str, text: str
) -> None:
    target = {} if call == "list_queues" else {"QueueUrl": url}
    with pytest.raises(ClientError, match=text) as refused:
        getattr(client, call)(**target, **given)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["ResponseMetadata"]["RequestId"]


FIFO_REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "MissingParameter", "The request must contain the parameter MessageGroupId"),
    ({"MessageGroupId": "a b"}, "InvalidParameterValue", "MessageGroupId can only include alphanumeric and punctuation characters"),
    ({"MessageGroupId": "g", "MessageDeduplicationId": "x" * 129}, "InvalidParameterValue", "1 to 128 in length"),
    ({"MessageGroupId": "g", "DelaySeconds": 1}, "InvalidParameterValue", "The request include parameter that is not valid for this queue type"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "code", "text"), FIFO_REFUSALS)
def test_a_fifo_queue_refuses_with_the_services_code_and_text(
    client: Any, fifo: str, given: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(ClientError, match=text) as refused:
        client.send_message(QueueUrl=fifo, MessageBody="a", **given)
    assert refused.value.response["Error"]["Code"] == code


def test_the_exception_classes_of_the_client_catch(client: Any, url: str, name: str) -> None:
    with pytest.raises(client.exceptions.QueueNameExists) as taken:
        client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})
    assert taken.value.response["Error"]["Code"] == "QueueAlreadyExists"
    with pytest.raises(client.exceptions.ReceiptHandleIsInvalid):
        client.delete_message(QueueUrl=url, ReceiptHandle="x")
    with pytest.raises(client.exceptions.EmptyBatchRequest):
        client.delete_message_batch(QueueUrl=url, Entries=[])
    with pytest.raises(client.exceptions.InvalidAttributeName):
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["Odd"])
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.receive_message(QueueUrl=f"{url}-no-such")


@pytest.mark.parametrize("call", ["list_message_move_tasks", "start_message_move_task"])
def test_an_operation_that_is_not_built_says_so_and_is_no_success(client: Any, call: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client, call)(SourceArn=f"arn:aws:sqs:{REGION}:000000000000:x")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 400
