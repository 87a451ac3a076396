"""A door onto SQS and STS with nobody behind it: the test says what the actor would answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.address import Address
from actors.message import Message
from patterns.queue.query_names import SQS_QUERY_NAMES
from runtime.clock import Clock, VirtualClock
from runtime.door.aws.credentials import Credentials
from runtime.door.aws.door import AwsDoor
from runtime.door.http import Request, Response
from runtime.door.service import Call, Operation, Service, WireError
from runtime.entropy import Entropy

BUILT = (
    "ChangeMessageVisibility",
    "CreateQueue",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListQueues",
    "ListQueueTags",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
    "TagQueue",
)
ACCOUNT, REGION = "000000000000", "us-east-1"


class Anything(Message[Mapping[str, Any]]):
    """Any operation at all."""

    operation: str


class NoQueue(Exception):
    """A refusal that the service's table knows."""


@asynccontextmanager
async def never_hangs_up() -> AsyncGenerator[None]:
    yield


def no_queue(_error: Exception, call: Call) -> WireError:
    text = "The specified queue does not exist" + (
        " for this wsdl version." if call.protocol == "query" else "."
    )
    return WireError("QueueDoesNotExist", query_code="AWS.SimpleQueueService.NonExistentQueue", message=text)


def missing(operation: str, member: str) -> WireError:
    text = f"The request must contain the parameter {member}."
    namespace = "com.amazon.coral.service"
    return WireError(
        "MissingRequiredParameterException",
        query_code="MissingParameter",
        message=text,
        namespace=namespace,
    )


@dataclass
class Stage:
    """`calls` is what reached the operations, `answer` what comes back (it may raise)."""

    credentials: Credentials | None = None
    answer: Callable[[Call], Mapping[str, Any]] = field(default=lambda _call: {})
    calls: list[Call] = field(default_factory=list[Call])
    timeouts: list[float | None] = field(default_factory=list[float | None])
    clock: Clock = field(default_factory=VirtualClock)

    wait: Callable[[], Awaitable[Any]] | None = None
    """What an operation that waits waits for."""

    def __post_init__(self) -> None:
        self.operations = {
            name: Operation(self._message, lambda reply, _call: reply, waits=name == "ReceiveMessage")
            for name in BUILT
        }
        self.service = Service(
            "sqs",
            self.operations,
            {NoQueue: no_queue},
            query=SQS_QUERY_NAMES,
            missing_member=missing,
            constraints=False,
        )
        self.door = self.open()

    def open(self, *more: Service) -> AwsDoor:
        """A door onto the stage's service, and more."""
        return AwsDoor(
            [self.service, *more],
            asks=self,
            clock=self.clock,
            entropy=Entropy(7),
            account=ACCOUNT,
            region=REGION,
            credentials=self.credentials,
        )

    @property
    def input(self) -> Mapping[str, Any]:
        return self.calls[-1].input

    def _message(self, call: Call) -> tuple[Address, Anything]:
        self.calls.append(call)
        return Address("/queue/orders"), Anything(operation=call.operation)

    async def ask(self, _to: Address, _message: Message[Any], within: float) -> Any:
        """As the router does."""
        self.timeouts.append(within)
        return self.answer(self.calls[-1])

    async def ask_watched(
        self, _to: Address, _message: Message[Any], watch: Callable[[], AbstractAsyncContextManager[None]]
    ) -> Any:
        """As the router does."""
        self.timeouts.append(None)
        async with watch():
            if self.wait is not None:
                await self.wait()
        return self.answer(self.calls[-1])

    def send(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        """Put one request through the door, as the connection would."""
        return trio.run(self.door, request(method, target, headers, body))

    def json(self, operation: str, body: bytes, **headers: str) -> Response:
        return self.send(
            "POST", "/", {"x-amz-target": f"AmazonSQS.{operation}", "host": "h:1", **headers}, body
        )

    def form(self, body: str, target: str = "/", **headers: str) -> Response:
        return self.send(
            "POST",
            target,
            {"host": "h:1", "content-type": "application/x-www-form-urlencoded", **headers},
            body.encode(),
        )


def request(method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
    path, _, query = target.partition("?")
    return Request(
        method=method,
        target=target,
        path=path,
        query=query,
        headers=dict(headers or {}),
        body=body,
        hangup=never_hangs_up,
    )
