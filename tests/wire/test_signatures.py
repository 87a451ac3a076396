"""Who may ask where keys are configured: real clients with right and wrong secrets."""

from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from tests.wire.aws_sdk import AWSRequest, ClientError, Credentials, SigV4QueryAuth, sqs
from tests.wire.nodes import REGION, RunningNode, node

pytestmark = pytest.mark.wire

KEYS = """[alice]
aws_access_key_id = AKIAALICE
aws_secret_access_key = of-alice
account = 111111111111

[bob]
aws_access_key_id = AKIABOB
aws_secret_access_key = of-bob
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningNode]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(KEYS)
    with node(folder, "--credentials", str(folder / "keys")) as running:
        yield running


@pytest.fixture
def alice(guarded: RunningNode) -> Generator[Any]:
    client = sqs(guarded.url, key="AKIAALICE", secret="of-alice")
    yield client
    client.close()


def test_a_right_signature_is_served_in_the_accounts_name(alice: Any) -> None:
    url = alice.create_queue(QueueName="orders")["QueueUrl"]
    assert "/111111111111/" in url
    alice.send_message(QueueUrl=url, MessageBody="ü" * 1_000)


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIAALICE", "of-bob", "SignatureDoesNotMatch"),
        ("AKIANOBODY", "of-alice", "InvalidClientTokenId"),
    ],
)
def test_a_wrong_one_is_refused(guarded: RunningNode, key: str, secret: str, code: str) -> None:
    client = sqs(guarded.url, key=key, secret=secret)
    with pytest.raises(ClientError) as refused:
        client.list_queues()
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    client.close()


def presigned(guarded: RunningNode, secret: str) -> str:
    query = urlencode({"Action": "ListQueues", "Version": "2012-11-05"})
    wanted = AWSRequest("GET", f"{guarded.url}/?{query}")
    SigV4QueryAuth(Credentials("AKIAALICE", secret), "sqs", REGION, expires=60).add_auth(wanted)
    return str(wanted.prepare().url)


@pytest.mark.parametrize(("secret", "status"), [("of-alice", 200), ("of-bob", 403)])
def test_a_presigned_url_is_judged_by_its_signature(guarded: RunningNode, secret: str, status: int) -> None:
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        answer = pool.request("GET", presigned(guarded, secret))
        assert answer.status == status
        assert answer.data.startswith(b"<") or answer.data.startswith(b"<?xml")


def test_a_request_without_a_signature_is_refused(guarded: RunningNode) -> None:
    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        answer = pool.request("POST", guarded.url, fields={"Action": "ListQueues"}, encode_multipart=False)
        assert answer.status == 403
        assert b"<Code>MissingAuthenticationToken" in answer.data
