from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.door.aws.botocore_client import client
from tests.runtime.door.aws.stage import NoQueue, Stage

NS = "{http://queue.amazonaws.com/doc/2012-11-05/}"
URL = "http://h:1/000000000000/orders"


def tree(body: bytes) -> ET.Element:
    return ET.fromstring(body)


def fields(**named: str) -> str:
    return urlencode({"Version": "2012-11-05", "QueueUrl": URL, **named})


def test_a_batch_is_read_from_its_flattened_names() -> None:
    stage = Stage()
    entry = "SendMessageBatchRequestEntry"
    stage.form(
        urlencode(
            {
                "Action": "SendMessageBatch",
                "QueueUrl": URL,
                f"{entry}.2.Id": "second",
                f"{entry}.2.MessageBody": "b",
                f"{entry}.2.DelaySeconds": "7",
                f"{entry}.1.Id": "first",
                f"{entry}.1.MessageBody": "a",
                f"{entry}.1.MessageAttribute.1.Name": "raw",
                f"{entry}.1.MessageAttribute.1.Value.DataType": "Binary",
                f"{entry}.1.MessageAttribute.1.Value.BinaryValue": b64encode(b"\x00\xff").decode(),
                f"{entry}.1.MessageAttribute.2.Name": "text",
                f"{entry}.1.MessageAttribute.2.Value.DataType": "String",
                f"{entry}.1.MessageAttribute.2.Value.StringValue": "é",
                f"{entry}.1.MessageSystemAttribute.1.Name": "AWSTraceHeader",
                f"{entry}.1.MessageSystemAttribute.1.Value.DataType": "String",
                f"{entry}.1.MessageSystemAttribute.1.Value.StringValue": "Root=1",
            }
        )
    )
    assert stage.input["Entries"] == [
        {
            "Id": "first",
            "MessageBody": "a",
            "MessageAttributes": {
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
                "text": {"DataType": "String", "StringValue": "é"},
            },
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
        },
        {"Id": "second", "MessageBody": "b", "DelaySeconds": 7},
    ]


@pytest.mark.parametrize(
    ("action", "named", "member", "value"),
    [
        ("CreateQueue", {"Attribute.1.Name": "a", "Attribute.1.Value": "1"}, "Attributes", {"a": "1"}),
        # SQS's own examples and boto 2 leave out the number of a single one
        ("CreateQueue", {"Attribute.Name": "a", "Attribute.Value": "1"}, "Attributes", {"a": "1"}),
        ("CreateQueue", {"Tag.1.Key": "k", "Tag.1.Value": "v"}, "tags", {"k": "v"}),
        ("TagQueue", {"Tag.1.Key": "k", "Tag.1.Value": ""}, "Tags", {"k": ""}),
        (
            "GetQueueAttributes",
            {"AttributeName.1": "A", "AttributeName.10": "C", "AttributeName.2": "B"},
            "AttributeNames",
            ["A", "B", "C"],
        ),
        ("GetQueueAttributes", {"AttributeName": "All"}, "AttributeNames", ["All"]),
        (
            "ReceiveMessage",
            {"MessageSystemAttributeName.1": "All"},
            "MessageSystemAttributeNames",
            ["All"],
        ),
        ("ReceiveMessage", {"MessageAttributeName.1": "*"}, "MessageAttributeNames", ["*"]),
        ("ReceiveMessage", {"WaitTimeSeconds": "20"}, "WaitTimeSeconds", 20),
        (
            "DeleteMessageBatch",
            {
                "DeleteMessageBatchRequestEntry.1.Id": "1",
                "DeleteMessageBatchRequestEntry.1.ReceiptHandle": "r",
            },
            "Entries",
            [{"Id": "1", "ReceiptHandle": "r"}],
        ),
    ],
)
def test_a_member_is_read_from_its_name_in_the_table(
    action: str, named: dict[str, str], member: str, value: object
) -> None:
    stage = Stage()
    stage.form(fields(Action=action, QueueName="q", **named))
    assert stage.input[member] == value


def test_a_get_with_a_query_string_is_as_good_as_a_form() -> None:
    stage = Stage()
    stage.send("GET", f"/?{fields(Action='SendMessage', MessageBody='a b+c')}", {"host": "h:1"})
    assert stage.input == {"QueueUrl": URL, "MessageBody": "a b+c"}


def test_the_queue_url_is_the_path_where_it_is_missing() -> None:
    stage = Stage()
    stage.form("Action=SendMessage&MessageBody=x", "/000000000000/orders")
    assert stage.input["QueueUrl"] == URL


def test_the_queue_url_stays_missing_at_the_root() -> None:
    error = tree(Stage().form("Action=SendMessage&MessageBody=x").body).find(f"{NS}Error")
    assert error is not None
    assert error.findtext(f"{NS}Message") == "The request must contain the parameter QueueUrl."


def test_a_reply_has_the_result_and_the_request_id() -> None:
    answer = {"MessageId": "m", "MD5OfMessageBody": "5", "SequenceNumber": None}
    response = Stage(answer=lambda _call: answer).form(fields(Action="SendMessage", MessageBody="x"))
    request_id = dict(response.headers)["x-amzn-RequestId"]
    assert response.body.decode() == (
        '<?xml version="1.0"?><SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
        "<SendMessageResult><MessageId>m</MessageId><MD5OfMessageBody>5</MD5OfMessageBody></SendMessageResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></SendMessageResponse>"
    )
    assert dict(response.headers)["Content-Type"] == "text/xml"


def test_an_operation_without_output_has_no_result_element() -> None:
    response = Stage().form(fields(Action="DeleteQueue"))
    assert [child.tag for child in tree(response.body)] == [f"{NS}ResponseMetadata"]


@pytest.mark.parametrize(
    ("action", "answer", "xml"),
    [
        (
            "GetQueueAttributes",
            {"Attributes": {"a": "1", "b": "2"}},
            (
                "<Attribute><Name>a</Name><Value>1</Value></Attribute>"
                "<Attribute><Name>b</Name><Value>2</Value></Attribute>"
            ),
        ),
        ("ListQueueTags", {"Tags": {"k": "v"}}, "<Tag><Key>k</Key><Value>v</Value></Tag>"),
        ("ListQueues", {"QueueUrls": ["u", "v"]}, "<QueueUrl>u</QueueUrl><QueueUrl>v</QueueUrl>"),
        ("ListDeadLetterSourceQueues", {"queueUrls": ["u"]}, "<QueueUrl>u</QueueUrl>"),
        (
            "SendMessageBatch",
            {
                "Successful": [{"Id": "1", "MessageId": "m"}],
                "Failed": [{"Id": "2", "SenderFault": True, "Code": "C"}],
            },
            (
                "<SendMessageBatchResultEntry><Id>1</Id><MessageId>m</MessageId></SendMessageBatchResultEntry>"
                "<BatchResultErrorEntry><Id>2</Id><SenderFault>true</SenderFault><Code>C</Code></BatchResultErrorEntry>"
            ),
        ),
        (
            "ReceiveMessage",
            {
                "Messages": [
                    {
                        "Body": 'a"b\r<&>',
                        "Attributes": {"SenderId": "s"},
                        "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"\xff"}},
                    }
                ]
            },
            (
                "<Message><Body>a&quot;b&#xD;&lt;&amp;&gt;</Body>"
                "<Attribute><Name>SenderId</Name><Value>s</Value></Attribute><MessageAttribute><Name>n</Name>"
                "<Value><DataType>Binary</DataType><BinaryValue>/w==</BinaryValue></Value></MessageAttribute></Message>"
            ),
        ),
    ],
)
def test_a_reply_has_the_names_of_the_table(action: str, answer: Mapping[str, Any], xml: str) -> None:
    response = Stage(answer=lambda _call: answer).form(fields(Action=action, MaxResults="1"))
    if action == "SendMessageBatch":
        entry = "SendMessageBatchRequestEntry.1"
        body = fields(Action=action, **{f"{entry}.Id": "1", f"{entry}.MessageBody": "x"})
        response = Stage(answer=lambda _call: answer).form(body)
    assert f"<{action}Result>{xml}</{action}Result>" in response.body.decode()


ECHO = Stage(answer=lambda call: {"MessageId": call.input["MessageBody"]})
VALID = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
        st.sampled_from('\r\n\t"&<>'),
    )
)


@given(VALID)
def test_a_body_goes_in_and_out_unchanged(body: str) -> None:
    response = ECHO.form(f"Action=SendMessage&QueueUrl=u&MessageBody={quote(body)}")
    assert tree(response.body).findtext(f"{NS}SendMessageResult/{NS}MessageId") == body


def test_a_refusal_is_the_query_protocols_envelope() -> None:
    def refuse(call: object) -> dict[str, Any]:
        raise NoQueue

    response = Stage(answer=refuse).form(fields(Action="SendMessage", MessageBody="x"))
    request_id = dict(response.headers)["x-amzn-RequestId"]
    assert response.status == 400
    assert response.body.decode() == (
        '<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error>'
        "<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"
        "<Message>The specified queue does not exist for this wsdl version.</Message><Detail/></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"DelaySeconds": "soon"}, "InvalidParameterValue"),
        ({"DelaySeconds": "9" * 5_000}, "InvalidParameterValue"),
        ({"DelaySeconds.x": "1"}, "InvalidParameterValue"),
        ({"MessageAttribute.1.Name": "n"}, "MalformedQueryString"),
        (
            {
                "MessageAttribute.1.Name": "n",
                "MessageAttribute.1.Value.DataType": "Binary",
                "MessageAttribute.1.Value.BinaryValue": "?",
            },
            "InvalidParameterValue",
        ),
        ({".".join("a" * 20): "1"}, "MalformedQueryString"),
        ({f"x{number}": "1" for number in range(5_000)}, "MalformedQueryString"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_in_xml(named: dict[str, str], code: str) -> None:
    stage = Stage()
    response = stage.form(fields(Action="SendMessage", MessageBody="x", **named))
    codes = [element.text for element in tree(response.body).iter() if element.tag.endswith("Code")]
    assert (response.status, codes, stage.calls) == (400, [code], [])


def test_sts_tells_boto3_who_it_is() -> None:
    got = client("sts", Stage()).get_caller_identity()
    del got["ResponseMetadata"]
    assert got == {
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
        "UserId": "000000000000",
    }


def test_an_sts_operation_that_is_not_built_says_so_to_boto3() -> None:
    sts = client("sts", Stage())
    with pytest.raises(sts.exceptions.ClientError) as caught:
        sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="name")
    error: Any = caught.value
    assert error.response["Error"]["Code"] == "NotImplemented"
    assert error.response["Error"]["Message"] == "STS.AssumeRole is not implemented by this node"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 501
