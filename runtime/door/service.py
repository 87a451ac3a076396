"""What a pattern tells the AWS door: which operation is which message, and which error is which code.

A pattern's `aws.py` builds one `Service`. The codec parses a request by botocore's model into a `Call`, the
operation turns that into a message and an address, the reply into the output's members, and a refusal into
a `WireError`: nothing else happens there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from actors.address import Address
from actors.message import Message

R = TypeVar("R")


@dataclass(slots=True)  # not frozen: eleven fields of a frozen one cost 1 us
class Call:
    """One parsed request. `input` has the model's member names; blobs are bytes, timestamps float seconds."""

    service: str
    operation: str
    input: Mapping[str, Any]
    account: str
    """Twelve digits: the caller's."""
    region: str
    base_url: str
    """`scheme://host[:port]` as the client wrote it, so that URLs in replies work from where it is."""
    path: str
    request_id: str
    protocol: str
    """`json`, `query`, ...: where the wire's texts differ between protocols."""
    trace_header: str | None = None
    """X-Amzn-Trace-Id."""
    principal: str = ""
    """ARN of the caller."""


@dataclass(eq=False, slots=True)
class WireError(Exception):
    """How a refusal looks on the wire. `shape` is `__type` in JSON; `query_code` the code of the Query protocol and of `x-amzn-query-error`."""

    shape: str
    status: int = 400
    query_code: str = ""
    """Empty: the shape's name."""
    message: str = ""
    fault: str = "Sender"
    """Sender or Receiver."""
    namespace: str = ""
    """Empty: the service's own (`com.amazonaws.sqs`); else such as `com.amazon.coral.service`."""
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Further members of the error's shape."""


@dataclass(frozen=True, slots=True)
class Delivers:
    """An operation that hands messages out, some of them perhaps twice or in another order: what a fault may do to it."""

    member: str
    """The output's list of them."""
    ordered: Callable[[Call], bool]
    """The contract says once and in order: then a fault does neither."""
    most: Callable[[Call], int]
    """How many one answer may hold."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[R]):
    """How one operation is asked of an actor. `message` may raise a WireError or one of the service's errors."""

    message: Callable[[Call], tuple[Address, Message[R]]]
    output: Callable[[R, Call], Mapping[str, Any]]
    waits: bool = False
    """The actor may hold the answer back (a long poll): the door watches for a client that hangs up."""
    delivers: Delivers | None = None


@dataclass(frozen=True, slots=True)
class QueryNames:
    """The Query protocol's names, where botocore's model has lost them (SQS): all lists and maps are flattened.

    `request` maps a member's name (of any structure) to the name that stands on the wire, `maps` to the
    names of a map's key and value, and `results` a member's name in replies, `no_result` the operations without an OpResult element.
    """

    namespace: str
    request: Mapping[str, str] = field(default_factory=dict[str, str])
    results: Mapping[str, str] = field(default_factory=dict[str, str])
    maps: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    no_result: frozenset[str] = frozenset()
    path_member: str = ""
    """The member that the request's path stands for where it is missing (SQS: QueueUrl)."""
    root_only: frozenset[str] = frozenset()
    """Operations that such a path has not: InvalidAction there."""


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service as a pattern serves it. `model` is botocore's name of it (`sqs`)."""

    model: str
    operations: Mapping[str, Operation[Any]]
    errors: Mapping[type[Exception], Callable[[Exception, Call], WireError]]
    query: QueryNames | None = None
    missing_member: Callable[[str, str], WireError] | None = None
    """(operation, member) -> the service's own error for a required member that is missing; None: the codec's.

    A member further in comes as a path, lists count from 1: `Entries.1.Id`.
    """
    constraints: bool = True
    """The codec enforces the model's lengths, ranges, patterns and enums; False: the service has its own errors (SQS)."""
