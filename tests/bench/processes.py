"""Programs under load and the loads on them, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that has printed its URL."""

    process: "subprocess.Popen[str]"
    url: str

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def resident(self) -> int:
        """Bytes of memory it holds now."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1_024
        raise ProcessLookupError(f"process {self.process.pid} has ended")


@contextmanager
def started(module: str, *arguments: str) -> Generator[Program]:
    """Run `tests.bench.<module>`; it is killed at the end, as a crash would end it."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"{module} has not started; its error stands above")
            yield Program(process, url)
        finally:
            process.kill()


def loaded(module: str, *arguments: str) -> dict[str, float]:
    """What the load `tests.bench.<module>` has measured."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def call(url: str, operation: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """One SQS request; anything but success is an error here."""
    request = Request(
        url,
        json.dumps(parameters).encode(),
        {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"},
    )
    with urlopen(request, timeout=120) as answer:
        text = answer.read()
    return dict(json.loads(text)) if text else {}


def request_bytes(operation: str, parameters: Mapping[str, object]) -> bytes:
    """A whole request as boto3 sends it, signature and all."""
    body = json.dumps(parameters).encode()
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nX-Amz-Target: AmazonSQS.{operation}\r\n"
        "Content-Type: application/x-amz-json-1.0\r\nUser-Agent: Boto3/1.40 md/Botocore#1.40\r\n"
        "X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/"
        f"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}\r\n"
        "amz-sdk-invocation-id: 00000000-0000-4000-8000-000000000000\r\namz-sdk-request: attempt=1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
