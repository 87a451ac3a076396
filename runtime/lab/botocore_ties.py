"""What ties boto3 to the machine beside time and sockets: its environment, its default session, and what it took by name.

Nothing of boto3 or botocore is changed but for the time of a run. boto3 is of the extra `callboard[lab]`.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import boto3 as untyped_boto3  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from botocore.retries import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    standard as untyped_standard,
)

from runtime.lab.guard import Guard

_boto3: Any = untyped_boto3
_standard: Any = untyped_standard


def environment(url: str, region: str) -> dict[str, str]:
    """Variables by which a client that names no endpoint, region or keys finds the node, and nothing of the machine's own."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # the door takes any signature
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }


@contextmanager
def tied(guard: Guard, variables: dict[str, str]) -> Generator[None]:
    """Within the block boto3 lives in the run: whatever it keeps between two runs is put aside."""
    before = _taken_out()
    session, _boto3.DEFAULT_SESSION = _boto3.DEFAULT_SESSION, None
    os.environ.update(variables)
    guard.reach("botocore")
    # `sleep=time.sleep` is bound where the class is made: a long poll that is out of quota sleeps by it
    begin = _standard.RetryHandler.__init__
    guard.replace(begin, "__defaults__", guard.instead_of(begin.__defaults__))
    try:
        yield
    finally:
        _taken_out()
        os.environ.update(before)
        _boto3.DEFAULT_SESSION = session


def _taken_out() -> dict[str, str]:
    ours = {
        name: value for name, value in os.environ.items() if name.startswith("AWS_") or name == "NO_PROXY"
    }
    for name in ours:
        del os.environ[name]
    return ours
