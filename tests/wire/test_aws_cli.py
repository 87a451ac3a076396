"""The queue through the AWS CLI, as a user types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.wire.nodes import REGION, RunningNode, environment

pytestmark = [pytest.mark.wire, pytest.mark.slow]

pytest.importorskip("awscli", reason="the AWS CLI v1 comes with the extra `test`")
Aws = Callable[..., Any]


class Refused(Exception):
    """The CLI has ended with an error; its text is what it said."""


@pytest.fixture
def aws(shared_node: RunningNode, tmp_path: Path) -> Aws:
    variables = {
        **environment(tmp_path),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
        "PYTHONWARNINGS": "ignore",
    }

    def call(*arguments: str, service: str = "sqs") -> Any:
        ended = subprocess.run(
            [sys.executable, "-m", "awscli", "--endpoint-url", shared_node.url, service, *arguments],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if ended.returncode:
            raise Refused(ended.stderr)
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    return call


def test_a_queue_from_create_to_delete(aws: Aws, name: str) -> None:
    url = aws("create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=5", "--tags", "a=1")[
        "QueueUrl"
    ]
    assert aws("get-queue-url", "--queue-name", name)["QueueUrl"] == url
    assert url in aws("list-queues")["QueueUrls"]
    shown = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert shown["VisibilityTimeout"] == "5"
    assert aws("set-queue-attributes", "--queue-url", url, "--attributes", "DelaySeconds=0") is None
    assert aws("list-queue-tags", "--queue-url", url) == {"Tags": {"a": "1"}}
    assert aws("purge-queue", "--queue-url", url) is None
    assert aws("delete-queue", "--queue-url", url) is None
    with pytest.raises(Refused, match=r"AWS\.SimpleQueueService\.NonExistentQueue"):
        aws("get-queue-url", "--queue-name", name)


def test_a_message_from_send_to_delete(aws: Aws, url: str) -> None:
    attributes = '{"k":{"DataType":"String","StringValue":"v"}}'
    sent = aws(
        "send-message", "--queue-url", url, "--message-body", "hällo", "--message-attributes", attributes
    )
    (taken,) = aws(
        "receive-message", "--queue-url", url, "--attribute-names", "All", "--message-attribute-names", "All",
        "--wait-time-seconds", "1",
    )["Messages"]  # fmt: skip
    assert (taken["MessageId"], taken["Body"]) == (sent["MessageId"], "hällo")
    assert taken["MessageAttributes"]["k"]["StringValue"] == "v"
    handle = ("--queue-url", url, "--receipt-handle", taken["ReceiptHandle"])
    assert aws("change-message-visibility", *handle, "--visibility-timeout", "60") is None
    assert aws("delete-message", *handle) is None
    assert aws("receive-message", "--queue-url", url) is None


def test_batches_and_a_refusal(aws: Aws, url: str) -> None:
    sent = aws(
        "send-message-batch", "--queue-url", url, "--entries", "Id=1,MessageBody=a", "Id=2,MessageBody=b"
    )
    assert [one["Id"] for one in sent["Successful"]] == ["1", "2"]
    with pytest.raises(Refused, match=r"\(ReceiptHandleIsInvalid\) when calling the DeleteMessage operation"):
        aws("delete-message", "--queue-url", url, "--receipt-handle", "x")


def test_who_am_i_is_answered(aws: Aws) -> None:
    assert aws("get-caller-identity", service="sts")["Account"] == "000000000000"
