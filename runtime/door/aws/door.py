"""The AWS door itself: request in, response out, whatever the request.

What an actor or a pattern raises ends here as the protocol's own error; nothing but cancellation and a client that
has gone away passes through.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Any, Protocol

import structlog

from actors.address import Address
from actors.errors import (
    ActorRestarted,
    ActorRestarting,
    ActorStopped,
    AskTimeout,
    CommitFailed,
    MailboxFull,
    OutcomeUnknown,
    StartFailed,
    Stopping,
    StoreFull,
    TooManyDeferred,
)
from actors.message import Message
from runtime.clock import Clock
from runtime.door.aws import errors
from runtime.door.aws.caller import HOST_MAX, Caller, caller
from runtime.door.aws.credentials import AccessKey, Credentials
from runtime.door.aws.routing import Answer, Endpoint, Routing, Served, Unserved
from runtime.door.aws.sigv4 import claimed_scope, credential_part, header_scope, verify
from runtime.door.aws.sts import STS, STS_LOCAL
from runtime.door.http import Hangup, Request, Response
from runtime.door.service import Call, Operation, Service, WireError
from runtime.entropy import Entropy


class Asks(Protocol):
    """How an operation asks its actor: the router."""

    def ask(self, to: Address, message: Message[Any], within: float, /) -> Awaitable[Any]:
        """The reply. Raises AskTimeout."""
        ...

    def ask_watched(
        self, to: Address, message: Message[Any], watch: Callable[[], AbstractAsyncContextManager[None]], /
    ) -> Awaitable[Any]:
        """The reply, however long it takes; `watch()` is entered while it is held back."""
        ...


Failures = Mapping[type[Exception], tuple[str, int]]
"""What the runtime raises -> (code, status) on the wire."""

ASK_TIMEOUT = 30.0
"""Seconds for an operation that does not wait."""

TRY_AGAIN: Failures = dict.fromkeys(
    (
        ActorRestarted,
        ActorRestarting,
        ActorStopped,
        AskTimeout,
        CommitFailed,
        MailboxFull,
        OutcomeUnknown,
        StartFailed,
        Stopping,
        StoreFull,
        TooManyDeferred,
    ),
    ("ServiceUnavailable", 503),
)
"""Failures after which the same request may succeed."""

Around = Callable[[Request, Call, Endpoint], Awaitable[Response]]
"""Answers in the place of `AwsDoor.answered`, which it may call: where faults are injected."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class AwsDoor:
    """An HTTP handler that serves `services`, and STS's GetCallerIdentity.

    `account` and `region` are those of a caller who names none. With `credentials` every request must be signed
    by one of their keys; without, any signature or none is accepted. Raises ValueError for an operation that the
    service's model does not have.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        asks: Asks,
        clock: Clock,
        entropy: Entropy,
        account: str,
        region: str,
        credentials: Credentials | None = None,
        failures: Failures = TRY_AGAIN,
    ) -> None:
        self.around: Around | None = None
        self._asks = asks
        self._clock = clock
        self._ids = entropy.stream("aws-request-ids")
        self._home = (account, region)
        self._credentials = credentials
        self._failures = failures
        asked = [Served(one, _answers(self._answer, one.operations)) for one in services]
        local = {name: _local(function) for name, function in STS_LOCAL.items()}
        self._routing = Routing([*asked, Served(STS, local)])
        self._remembered = lru_cache(maxsize=1_024)(self._unverified)

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises Hangup alone."""
        request_id = self._ids.uuid()
        found = self._routing.find(request)
        if found is None:
            return Response(404, b"This is no AWS request.\n", [("Content-Type", "text/plain")])
        endpoint, form = found
        if isinstance(endpoint, Unserved):
            return endpoint.refuse(endpoint.error, request_id)
        call: Call | None = None
        try:
            call = self._call(request, endpoint, form, request_id)
            if self.around is not None:
                return await self.around(request, call, endpoint)
            output = await endpoint.answer(request, call)
            return endpoint.render(output, request_id)
        except Hangup:
            raise
        except Exception as error:  # noqa: BLE001 -- the door is the boundary: a crash becomes the protocol's 500
            return endpoint.refuse(self._wire_error(error, endpoint, call), request_id)

    async def answered(
        self, request: Request, call: Call, endpoint: Endpoint
    ) -> tuple[Response, Mapping[str, Any] | None]:
        """The response, and the output that it was made of; None: a refusal. Raises Hangup alone."""
        try:
            output = await endpoint.answer(request, call)
            return endpoint.render(output, call.request_id), output
        except Hangup:
            raise
        except Exception as error:  # noqa: BLE001 -- the boundary, as above
            return endpoint.refuse(self._wire_error(error, endpoint, call), call.request_id), None

    # --- in --------------------------------------------------------------------------------------------

    def _call(self, request: Request, endpoint: Endpoint, form: Mapping[str, str], request_id: str) -> Call:
        headers = request.headers
        who = self._caller(request)
        return Call(
            endpoint.service.model,
            endpoint.operation,
            endpoint.parse(request, form, who.base_url),
            who.account,
            who.region,
            who.base_url,
            request.path,
            request_id,
            endpoint.protocol,
            headers.get("x-amzn-trace-id"),
            who.principal,
        )

    def _caller(self, request: Request) -> Caller:
        host = request.headers.get("host", "")
        if self._credentials is not None:
            key = verify(request, self._credentials, self._clock.wall())
            return self._who(request, key, host)
        header = request.headers.get("authorization")
        if header is None:
            return self._who(request, None, host)
        return self._remembered(credential_part(header), request.scheme, host[:HOST_MAX])

    def _who(self, request: Request, key: AccessKey | None, host: str) -> Caller:
        return caller(claimed_scope(request), key, (request.scheme, host), self._home)

    def _unverified(self, credential: str, scheme: str, host: str) -> Caller:
        return caller(header_scope(credential), None, (scheme, host), self._home)

    # --- the answer ------------------------------------------------------------------------------------

    def _answer(self, operation: Operation[Any]) -> Answer:
        message, output, asks = operation.message, operation.output, self._asks

        async def asked(_request: Request, call: Call) -> Mapping[str, Any]:
            address, question = message(call)
            return output(await asks.ask(address, question, ASK_TIMEOUT), call)

        async def awaited(request: Request, call: Call) -> Mapping[str, Any]:
            address, question = message(call)
            return output(await asks.ask_watched(address, question, request.hangup), call)

        return awaited if operation.waits else asked

    def _wire_error(self, error: Exception, endpoint: Endpoint, call: Call | None) -> WireError:
        if isinstance(error, WireError):
            return error
        known = endpoint.service.errors
        for kind in type(error).__mro__:
            if kind in known and call is not None:
                return self._mapped(known[kind], error, call)
            if kind in self._failures:
                return errors.unavailable(*self._failures[kind])
        return _broken(error, endpoint.operation)

    def _mapped(
        self, mapping: Callable[[Exception, Call], WireError], error: Exception, call: Call
    ) -> WireError:
        try:
            return mapping(error, call)
        except Exception as broken:  # noqa: BLE001 -- a broken row of a pattern's table is a crash like any other
            return _broken(broken, call.operation)


def _answers(
    make: Callable[[Operation[Any]], Answer], operations: Mapping[str, Operation[Any]]
) -> dict[str, Answer]:
    return {name: make(operation) for name, operation in operations.items()}


def _local(function: Callable[[Call], Mapping[str, Any]]) -> Answer:
    async def answer(_request: Request, call: Call) -> Mapping[str, Any]:
        return function(call)

    return answer


def _broken(error: Exception, operation: str) -> WireError:
    _log.error("aws_call_crashed", operation=operation, exc_info=error)
    return errors.internal_failure()
