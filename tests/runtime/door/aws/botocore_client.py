"""Unmodified boto3 clients whose requests go through a Stage instead of a socket."""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from botocore.awsrequest import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    AWSResponse,
    HeadersDict,
)
from botocore.config import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    Config,
)

from tests.runtime.door.aws.stage import Stage

_session = cast("Any", boto3).Session(
    aws_access_key_id="AKIAALICE", aws_secret_access_key="alice's secret", region_name="eu-west-1"
)


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def client(service: str, stage: Stage) -> Any:
    """A boto3 client of the service; what it sends is answered by the stage's door."""
    made = _session.client(
        service,
        endpoint_url="http://localhost:4566",
        config=cast("Any", Config)(retries={"max_attempts": 0}),
    )

    def answer(request: Any, **_: Any) -> Any:
        url = urlsplit(str(request.url))
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        headers.setdefault("host", url.netloc)
        target = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        response = stage.send(request.method, target, headers, body)
        return cast("Any", AWSResponse)(
            request.url, response.status, cast("Any", HeadersDict)(response.headers), _Raw(response.body)
        )

    made.meta.events.register("before-send.*.*", answer)
    return made
