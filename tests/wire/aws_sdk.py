"""boto3 and botocore as the tests use them: unmodified, and without types, since they have none."""

from typing import Any

import boto3 as untyped_boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from botocore import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    auth,
    awsrequest,
    config,
    credentials,
    exceptions,
)

from tests.wire.nodes import REGION

boto3: Any = untyped_boto3
Config: Any = config.Config
AWSRequest: Any = awsrequest.AWSRequest
BotoCoreError: Any = exceptions.BotoCoreError
ClientError: Any = exceptions.ClientError
Credentials: Any = credentials.Credentials
SigV4QueryAuth: Any = auth.SigV4QueryAuth


def sqs(url: str, *, key: str = "test", secret: str = "test", retries: int = 0, **config: Any) -> Any:
    """An unmodified boto3 client, as anybody makes one."""
    return boto3.client("sqs", **client_arguments(url, key, secret, retries, config))


def sqs_resource(url: str) -> Any:
    return boto3.resource("sqs", **client_arguments(url, "test", "test", 0, {}))


def client_arguments(url: str, key: str, secret: str, retries: int, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "config": Config(retries={"total_max_attempts": retries + 1}, **config),
    }
