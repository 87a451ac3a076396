"""The queue in the Query protocol, by raw forms: what SDKs of before 2023 send and how they read the answers."""

import re
from collections.abc import Mapping
from hashlib import md5
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import Element, fromstring

import pytest
import urllib3

from tests.wire.nodes import RunningNode

pytestmark = pytest.mark.wire

XMLNS = "http://queue.amazonaws.com/doc/2012-11-05/"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Asker:
    """Posts forms; `status`, `headers`, `text` are of the last answer."""

    def __init__(self, url: str, pool: urllib3.PoolManager) -> None:
        self.url = url
        self.pool = pool
        self.status = 0
        self.text = ""
        self.headers: Mapping[str, str] = {}

    def ask(self, action: str, *, path: str = "/", method: str = "POST", **members: Any) -> Element:
        """Members are written with _ for the dots of their names."""
        given = {key.replace("_", "."): value for key, value in members.items()}
        form = urlencode({"Action": action, "Version": "2012-11-05", **given})
        target = f"{self.url}{path}" + (f"?{form}" if method == "GET" else "")
        answer = self.pool.request(
            method, target, body=None if method == "GET" else form, headers={"Content-Type": FORM}
        )
        self.status, self.headers, self.text = answer.status, answer.headers, answer.data.decode()
        root = fromstring(self.text)  # an XML document, whatever the status
        assert root.tag.startswith(f"{{{XMLNS}}}")
        return root


def texts(root: Element, *names: str) -> list[str]:
    """The texts at the end of a path of names, wherever it begins."""
    path = "/".join(f"{{{XMLNS}}}{name}" for name in names)
    return [found.text or "" for found in root.iterfind(f".//{path}")]


@pytest.fixture
def asker(shared_node: RunningNode) -> Any:
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield Asker(shared_node.url, pool)


@pytest.fixture
def queue(asker: Asker, name: str) -> str:
    """Its path."""
    (url,) = texts(asker.ask("CreateQueue", QueueName=name), "CreateQueueResult", "QueueUrl")
    return urlsplit(url).path


def test_create_takes_attributes_and_tags_and_answers_the_url(asker: Asker, name: str) -> None:
    root = asker.ask(
        "CreateQueue",
        QueueName=name,
        Attribute_1_Name="VisibilityTimeout",
        Attribute_1_Value="7",
        Tag_1_Key="team",
        Tag_1_Value="a",
    )
    assert asker.status == 200
    assert asker.headers["Content-Type"] == "text/xml"
    assert texts(root, "CreateQueueResult", "QueueUrl") == [f"{asker.url}/000000000000/{name}"]
    assert texts(root, "ResponseMetadata", "RequestId") == [asker.headers["x-amzn-RequestId"]]
    path = f"/000000000000/{name}"
    root = asker.ask("GetQueueAttributes", path=path, AttributeName_1="VisibilityTimeout")
    assert texts(root, "GetQueueAttributesResult", "Attribute", "Name") == ["VisibilityTimeout"]
    assert texts(root, "GetQueueAttributesResult", "Attribute", "Value") == ["7"]
    root = asker.ask("ListQueueTags", path=path)
    assert texts(root, "Tag", "Key") + texts(root, "Tag", "Value") == ["team", "a"]


def test_a_message_goes_through_its_life_on_the_queues_own_path(asker: Asker, queue: str) -> None:
    body = 'a "quoted" <b> & \r\n\ttext 😀'
    root = asker.ask(
        "SendMessage",
        path=queue,
        MessageBody=body,
        MessageAttribute_1_Name="k",
        MessageAttribute_1_Value_DataType="String",
        MessageAttribute_1_Value_StringValue="v",
        MessageAttribute_2_Name="b",
        MessageAttribute_2_Value_DataType="Binary",
        MessageAttribute_2_Value_BinaryValue="AAEC",
    )
    assert texts(root, "SendMessageResult", "MD5OfMessageBody") == [md5(body.encode()).hexdigest()]
    (digest,) = texts(root, "SendMessageResult", "MD5OfMessageAttributes")
    root = asker.ask(
        "ReceiveMessage",
        path=queue,
        MaxNumberOfMessages=10,
        AttributeName_1="All",
        MessageAttributeName_1="All",
    )
    assert texts(root, "Message", "Body") == [body]
    assert texts(root, "Message", "MD5OfMessageAttributes") == [digest]
    assert sorted(texts(root, "Message", "MessageAttribute", "Name")) == ["b", "k"]
    assert texts(root, "MessageAttribute", "Value", "BinaryValue") == ["AAEC"]
    assert "SenderId" in texts(root, "Message", "Attribute", "Name")
    (handle,) = texts(root, "Message", "ReceiptHandle")
    root = asker.ask("DeleteMessage", path=queue, ReceiptHandle=handle)
    assert [child.tag for child in root] == [f"{{{XMLNS}}}ResponseMetadata"], "no DeleteMessageResult"
    root = asker.ask("ReceiveMessage", path=queue)
    assert texts(root, "Message", "Body") == []


def test_batches_name_their_entries(asker: Asker, queue: str) -> None:
    root = asker.ask(
        "SendMessageBatch",
        path=queue,
        SendMessageBatchRequestEntry_1_Id="one",
        SendMessageBatchRequestEntry_1_MessageBody="a",
        SendMessageBatchRequestEntry_2_Id="two",
        SendMessageBatchRequestEntry_2_MessageBody="b",
        SendMessageBatchRequestEntry_2_DelaySeconds="901",
    )
    assert texts(root, "SendMessageBatchResultEntry", "Id") == ["one"]
    assert texts(root, "BatchResultErrorEntry", "Id") == ["two"]
    assert texts(root, "BatchResultErrorEntry", "SenderFault") == ["true"]
    (handle,) = texts(asker.ask("ReceiveMessage", path=queue), "Message", "ReceiptHandle")
    root = asker.ask(
        "ChangeMessageVisibilityBatch",
        path=queue,
        ChangeMessageVisibilityBatchRequestEntry_1_Id="one",
        ChangeMessageVisibilityBatchRequestEntry_1_ReceiptHandle=handle,
        ChangeMessageVisibilityBatchRequestEntry_1_VisibilityTimeout="5",
    )
    assert texts(root, "ChangeMessageVisibilityBatchResultEntry", "Id") == ["one"]
    root = asker.ask(
        "DeleteMessageBatch",
        path=queue,
        DeleteMessageBatchRequestEntry_1_Id="one",
        DeleteMessageBatchRequestEntry_1_ReceiptHandle=handle,
    )
    assert texts(root, "DeleteMessageBatchResultEntry", "Id") == ["one"]


def test_a_get_with_the_action_in_the_query_string_is_answered(asker: Asker, queue: str, name: str) -> None:
    root = asker.ask("GetQueueUrl", method="GET", QueueName=name)
    assert texts(root, "GetQueueUrlResult", "QueueUrl") == [f"{asker.url}{queue}"]
    root = asker.ask("ListQueues", method="GET", QueueNamePrefix=name)
    assert texts(root, "ListQueuesResult", "QueueUrl") == [f"{asker.url}{queue}"]


def test_the_queues_url_as_a_member_is_read_on_any_path(asker: Asker, queue: str) -> None:
    asker.ask("SendMessage", QueueUrl=f"http://elsewhere{queue}", MessageBody="a")
    assert texts(asker.ask("ReceiveMessage", path=queue), "Message", "Body") == ["a"]


REFUSALS: list[tuple[str, dict[str, str], str, str]] = [
    ("SendMessage", {}, "MissingParameter", "The request must contain the parameter MessageBody."),
    ("SendMessage", {"MessageBody": "\x01"}, "InvalidMessageContents", "Invalid characters found."),
    ("SendMessage", {"MessageBody": "a", "DelaySeconds": "x"}, "", ""),
    ("DeleteMessageBatch", {}, "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request."),
    ("SendMessageBatch", {"SendMessageBatchRequestEntry.1.Id": "a"}, "MissingParameter", "The request must contain the parameter SendMessageBatchRequestEntry.1.MessageBody."),
    ("DeleteMessage", {"ReceiptHandle": "<x>"}, "ReceiptHandleIsInvalid", 'The input receipt handle "<x>" is not a valid receipt handle.'),
    ("SetQueueAttributes", {"Attribute.1.Name": "Odd", "Attribute.1.Value": "1"}, "InvalidAttributeName", "Unknown Attribute Odd."),
    ("ListQueues", {}, "InvalidAction", "The action ListQueues is not valid for this endpoint."),
    ("ReceiveMessage", {"MaxNumberOfMessages": "11"}, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
]  # fmt: skip


@pytest.mark.parametrize(("action", "members", "code", "text"), REFUSALS)
def test_a_refusal_is_an_error_document_with_the_query_code(
    asker: Asker, queue: str, action: str, members: dict[str, str], code: str, text: str
) -> None:
    root = asker.ask(action, path=queue, **members)
    assert asker.status == 400
    assert root.tag == f"{{{XMLNS}}}ErrorResponse"
    assert texts(root, "Error", "Type") == ["Sender"]
    assert code in texts(root, "Error", "Code")[0]
    assert text in texts(root, "Error", "Message")[0]
    assert texts(root, "RequestId") == [asker.headers["x-amzn-RequestId"]]


def test_a_queue_that_is_not_there_has_its_old_text(asker: Asker) -> None:
    root = asker.ask("SendMessage", path="/000000000000/not-there", MessageBody="a")
    assert texts(root, "Error", "Code") == ["AWS.SimpleQueueService.NonExistentQueue"]
    assert texts(root, "Error", "Message") == ["The specified queue does not exist for this wsdl version."]


def test_an_unknown_action_is_an_invalid_action(asker: Asker) -> None:
    root = asker.ask("NoSuchAction")
    assert asker.status == 400
    assert texts(root, "Error", "Code") == ["InvalidAction"]


def test_quotes_and_carriage_returns_are_written_as_references(asker: Asker, queue: str) -> None:
    asker.ask("SendMessage", path=queue, MessageBody='"\r')
    asker.ask("ReceiveMessage", path=queue)
    assert re.search(r"<Body>&quot;&#x[dD];</Body>", asker.text)
