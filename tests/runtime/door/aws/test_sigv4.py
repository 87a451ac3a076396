import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlsplit

import orjson
import pytest
from botocore.auth import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    SigV4Auth,
    SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from botocore.credentials import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    Credentials as BotocoreCredentials,
)
from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import SystemClock
from runtime.door.aws.credentials import Credentials
from runtime.door.aws.sigv4 import EXPIRES_MAX, verify
from runtime.door.http import Request
from runtime.door.service import WireError
from tests.runtime.door.aws.botocore_client import client
from tests.runtime.door.aws.stage import Stage, request

KEYS = Credentials.parse(
    "[alice]\naws_access_key_id = AKIAALICE\naws_secret_access_key = alice's secret\naccount = 111122223333\n"
)
WALL_CLOCK = SystemClock()


@dataclass
class Signed:
    """A request as botocore signed it, and the date that it wrote."""

    request: Request
    wall: float


def sign(
    url: str = "https://sqs.eu-west-1.amazonaws.com/",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    secret: str = "alice's secret",
    key_id: str = "AKIAALICE",
    token: str | None = None,
    expires: int | None = None,
) -> Signed:
    credentials = cast("Any", BotocoreCredentials)(key_id, secret, token)
    unsigned = cast("Any", AWSRequest)(method=method, url=url, headers=dict(headers or {}), data=body)
    if expires is None:
        signer = cast("Any", SigV4Auth)(credentials, "sqs", "eu-west-1")
    else:
        signer = cast("Any", SigV4QueryAuth)(credentials, "sqs", "eu-west-1", expires=expires)
    signer.add_auth(unsigned)
    parts = urlsplit(str(unsigned.url))
    wire = {name.lower(): str(value) for name, value in unsigned.headers.items()}
    wire.setdefault("host", parts.netloc)
    date = wire.get("x-amz-date") or dict(parse_qsl(parts.query))["X-Amz-Date"]
    target = f"{parts.path}{'?' + parts.query if parts.query else ''}"
    moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Signed(request(method, target, wire, body), moment.timestamp())


def refusal(request: Request, wall: float) -> tuple[int, str]:
    with pytest.raises(WireError) as caught:
        verify(request, KEYS, wall)
    return caught.value.status, caught.value.query_code or caught.value.shape


SEGMENTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=3)
PAIRS = st.lists(st.tuples(st.text(max_size=4), st.text("aZ +/=&~%é", max_size=5)), max_size=4)
VALUES = st.text("ab \t,;=", max_size=12).map(str.strip)


@pytest.mark.parametrize(
    "url",
    [
        "https://h/",
        "https://h/000000000000/orders",
        "https://h/a%20b/%C3%A9/~x",
        "https://h//a//b/",
        "https://h/a/./b/../c",
        "https://h:4566/?Action=ListQueues&Version=2012-11-05",
        "https://h/?b=2&a=2&a=1&c",
        "https://h/?key=%C3%A9%2F&A=~x",
    ],
)
@pytest.mark.parametrize("expires", [None, 60])
def test_what_botocore_signed_is_believed(url: str, expires: int | None) -> None:
    signed = sign(url, body=b"" if expires else b"body", expires=expires)
    assert verify(signed.request, KEYS, signed.wall).profile == "alice"


@given(SEGMENTS, PAIRS, VALUES, st.binary(max_size=20))
def test_whatever_botocore_signed_is_believed(
    segments: list[str], pairs: list[tuple[str, str]], value: str, body: bytes
) -> None:
    path = "/".join(quote(segment, safe="") for segment in segments)
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}" for name, text in pairs)
    signed = sign(f"https://h/{path}?{query}", headers={"X-Custom": value}, body=body)
    assert verify(signed.request, KEYS, signed.wall).key_id == "AKIAALICE"


def test_spaces_in_headers_and_a_session_token_are_signed_as_botocore_does() -> None:
    signed = sign(headers={"X-Custom": "  a   b  "}, token="a session token")
    assert verify(signed.request, KEYS, signed.wall).account == "111122223333"


def changed(signed: Signed, **parts: Any) -> Request:
    return replace(signed.request, **parts)


@pytest.mark.parametrize("expires", [None, 60])
@pytest.mark.parametrize(
    "parts",
    [
        {"body": b"other"},
        {"path": "/other"},
        {"method": "PUT"},
    ],
    ids=lambda parts: next(iter(parts)),
)
def test_what_was_touched_is_not_believed(parts: dict[str, Any], expires: int | None) -> None:
    signed = sign("https://h/?a=1", body=b"" if expires else b"body", expires=expires)
    assert refusal(changed(signed, **parts), signed.wall) == (403, "SignatureDoesNotMatch")


def test_a_touched_query_string_is_not_believed() -> None:
    signed = sign("https://h/?a=1", expires=60)
    touched = changed(signed, query=signed.request.query.replace("a=1", "a=2"))
    assert refusal(touched, signed.wall) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["host", "x-custom"])
def test_a_touched_header_is_not_believed(name: str) -> None:
    signed = sign(headers={"X-Custom": "a"})
    touched = changed(signed, headers={**signed.request.headers, name: "b"})
    assert refusal(touched, signed.wall) == (403, "SignatureDoesNotMatch")


def test_an_unsigned_payload_is_not_believed() -> None:
    signed = sign(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, body=b"body")
    assert refusal(signed.request, signed.wall) == (403, "SignatureDoesNotMatch")


def test_a_signature_that_leaves_the_host_out_is_not_believed() -> None:
    signed = sign()
    header = signed.request.headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    touched = changed(signed, headers={**signed.request.headers, "authorization": header})
    with pytest.raises(WireError, match="'Host' must be a 'SignedHeader'"):
        verify(touched, KEYS, signed.wall)


def test_a_plus_in_the_query_string_is_the_space_that_was_signed() -> None:
    signed = sign("https://h/?a=b%20c")
    assert verify(changed(signed, query="a=b+c"), KEYS, signed.wall).profile == "alice"


def test_a_wrong_secret_is_not_believed() -> None:
    signed = sign(secret="guessed")
    assert refusal(signed.request, signed.wall) == (403, "SignatureDoesNotMatch")


def test_an_unknown_key_is_refused() -> None:
    signed = sign(key_id="AKIAMALLORY")
    assert refusal(signed.request, signed.wall) == (403, "InvalidClientTokenId")


def test_a_request_without_a_signature_is_refused() -> None:
    assert refusal(request("POST", "/"), 0.0) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize("skew", [-300, 300])
def test_clocks_may_differ_by_five_minutes(skew: int) -> None:
    signed = sign()
    assert verify(signed.request, KEYS, signed.wall + skew).profile == "alice"


@pytest.mark.parametrize(
    ("skew", "text"), [(301, "Signature expired: "), (-301, "Signature not yet current: ")]
)
def test_an_older_or_a_future_signature_is_refused(skew: int, text: str) -> None:
    signed = sign()
    with pytest.raises(WireError) as caught:
        verify(signed.request, KEYS, signed.wall + skew)
    assert (caught.value.query_code, caught.value.message[: len(text)]) == ("SignatureDoesNotMatch", text)


def test_a_presigned_request_lives_as_long_as_it_says() -> None:
    signed = sign("https://h/?a=1", method="GET", expires=EXPIRES_MAX)
    assert verify(signed.request, KEYS, signed.wall + EXPIRES_MAX).profile == "alice"
    assert refusal(signed.request, signed.wall + EXPIRES_MAX + 1) == (400, "RequestExpired")


@pytest.mark.parametrize("expires", [0, EXPIRES_MAX + 1])
def test_a_presigned_request_lives_a_second_to_a_week(expires: int) -> None:
    signed = sign("https://h/?a=1", method="GET", expires=expires)
    assert refusal(signed.request, signed.wall) == (400, "IncompleteSignature")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20250101/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/20250101/r/s/aws4_request, Signature=0",
    ],
)
def test_an_unreadable_signature_is_incomplete(authorization: str) -> None:
    headers = {"host": "h", "x-amz-date": "20250101T000000Z", "authorization": authorization}
    assert refusal(request("POST", "/", headers), 0.0) == (400, "IncompleteSignature")


@pytest.mark.parametrize("date", ["", "yesterday", "20259999T999999Z"])
def test_a_signature_without_a_readable_date_is_incomplete(date: str) -> None:
    signed = sign()
    header = re.sub(r"/\d{8}/", f"/{date[:8]}/", signed.request.headers["authorization"])
    headers = {**signed.request.headers, "x-amz-date": date, "authorization": header}
    assert refusal(changed(signed, headers=headers), signed.wall) == (400, "IncompleteSignature")


# --- at the door ------------------------------------------------------------------------------------------


def test_boto3_is_believed_by_a_door_with_credentials() -> None:
    stage = Stage(credentials=KEYS, clock=WALL_CLOCK)
    client("sqs", stage).list_queues()
    assert (stage.calls[0].account, stage.calls[0].principal) == (
        "111122223333",
        "arn:aws:iam::111122223333:user/alice",
    )
    assert client("sts", stage).get_caller_identity()["UserId"] == "alice"


def test_a_door_with_credentials_refuses_an_unsigned_request_in_its_protocol() -> None:
    stage = Stage(credentials=KEYS)
    response = stage.json("ListQueues", b"{}")
    assert (response.status, orjson.loads(response.body)["__type"]) == (
        403,
        "com.amazon.coral.service#MissingAuthenticationTokenException",
    )
    assert dict(response.headers)["x-amzn-query-error"] == "MissingAuthenticationToken;Sender"
    assert b"<Code>MissingAuthenticationToken</Code>" in stage.form("Action=ListQueues").body
    assert stage.calls == []
