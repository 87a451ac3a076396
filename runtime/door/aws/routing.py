"""Which operation of which service a request asks for, and in which protocol.

In order: the header `X-Amz-Target`, on any path; else `Action` in the query string or the form, of the service
that `Version` names, else the one it is signed for, else one that has such an action; else it is no AWS request.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.door.aws import errors, forms
from runtime.door.aws.codec import Codec, Parse, Render
from runtime.door.aws.json_protocol import refusal_body as json_refusal
from runtime.door.aws.model import Model
from runtime.door.aws.protocols import codecs
from runtime.door.aws.query_protocol import CONTENT_TYPE
from runtime.door.aws.query_protocol import refusal_body as query_refusal
from runtime.door.aws.sigv4 import claimed_scope
from runtime.door.http import Request, Response
from runtime.door.service import Call, Service, WireError

Answer = Callable[[Request, Call], Awaitable[Mapping[str, Any]]]
"""Answers a call with the output's members; whatever it raises becomes the call's refusal."""
Refuse = Callable[[WireError, str], Response]

_FAULT_NAMESPACE = "http://webservices.amazon.com/AWSFault/2005-15-09"
"""AWS's own, where it cannot tell the service."""
_NO_FORM: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation in one protocol, compiled."""

    service: Service
    operation: str
    protocol: str
    parse: Parse
    render: Render
    refuse: Refuse
    answer: Answer


@dataclass(frozen=True, slots=True)
class Unserved:
    """A request for something that nobody here answers, and how to say so in its protocol."""

    refuse: Refuse
    error: WireError


class Served:
    """One service with its model, its codecs and those of its operations that are built."""

    def __init__(self, service: Service, answers: Mapping[str, Answer]) -> None:
        self.model = Model(service.model)
        unknown = sorted(answers.keys() - self.model.operations.keys())
        if unknown:
            raise ValueError(f"{service.model} has no operation {', '.join(unknown)}")
        self.codecs = codecs(service, self.model)
        self._endpoints = {
            (protocol, operation): _endpoint(service, operation, codec, answer)
            for protocol, codec in self.codecs.items()
            for operation, answer in answers.items()
        }

    def find(self, protocol: str, operation: str, unknown: WireError) -> Endpoint | Unserved:
        """The endpoint; else what to say: `unknown`, or that it is not implemented."""
        found = self._endpoints.get((protocol, operation))
        if found is not None:
            return found
        known = operation in self.model.operations
        error = errors.not_implemented(self.model.title, operation) if known else unknown
        return Unserved(self.codecs[protocol].refuse, error)


def _endpoint(service: Service, operation: str, codec: Codec, answer: Answer) -> Endpoint:
    parse, render = codec.parser(operation), codec.renderer(operation)
    return Endpoint(service, operation, codec.name, parse, render, codec.refuse, answer)


class Routing:
    """All services of one endpoint. Raises ValueError where two of them cannot be told apart."""

    def __init__(self, served: Sequence[Served]) -> None:
        json = [one for one in served if "json" in one.codecs]
        self._prefixes = {one.model.target_prefix: one for one in json}
        if len(self._prefixes) < len(json) or len({one.model.name for one in served}) < len(served):
            raise ValueError("two services have the same name or target prefix")
        self._query = [one for one in served if "query" in one.codecs]
        self._served = served
        self._targets: dict[str, Endpoint] = {}
        for prefix, one in self._prefixes.items():
            for operation in one.model.operations:
                endpoint = one.find("json", operation, errors.unknown_operation())
                if isinstance(endpoint, Endpoint):
                    self._targets[f"{prefix}.{operation}"] = endpoint

    def find(self, request: Request) -> tuple[Endpoint | Unserved, Mapping[str, str]] | None:
        """Where the request goes, with the form it was found by; None: it is no AWS request."""
        target = request.headers.get("x-amz-target")
        if target is None:
            return self._by_action(request)
        return self._targets.get(target) or self._unknown_target(target), _NO_FORM

    def _unknown_target(self, target: str) -> Endpoint | Unserved:
        prefix, _, operation = target.partition(".")
        one = self._prefixes.get(prefix)
        if one is None:
            return Unserved(_refuse_json, errors.unknown_operation())
        return one.find("json", operation, errors.unknown_operation())

    def _by_action(self, request: Request) -> tuple[Endpoint | Unserved, Mapping[str, str]] | None:
        signed_for = claimed_scope(request).service
        try:
            form = _form(request)
        except WireError as error:
            return Unserved(_refuse_query, error), _NO_FORM
        action = form.get("Action")
        if action is None:
            return self._without_action(signed_for)
        one = self._service(action, form.get("Version"), signed_for)
        if one is None:
            return Unserved(_refuse_query, errors.invalid_action(action)), _NO_FORM
        return one.find("query", action, errors.invalid_action(action)), form

    def _without_action(self, signed_for: str) -> tuple[Unserved, Mapping[str, str]] | None:
        for one in self._served:
            if one.model.signing_name == signed_for:
                codec = next(iter(one.codecs.values()))
                return Unserved(codec.refuse, errors.missing_action()), _NO_FORM
        return None

    def _service(self, action: str, version: str | None, signed_for: str) -> Served | None:
        tests: list[Callable[[Served], bool]] = [
            lambda one: one.model.version == version and action in one.model.operations,
            lambda one: one.model.version == version,
            lambda one: one.model.signing_name == signed_for,
            lambda one: action in one.model.operations,
        ]
        return next((one for test in tests for one in self._query if test(one)), None)


def _form(request: Request) -> Mapping[str, str]:
    """The fields of the query string, and of a body that is a form."""
    kind = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if request.method != "POST" or not kind.lower().startswith("application/x-www-form-urlencoded"):
        return forms.decode(request.query)
    try:
        body = request.body.decode()
    except UnicodeDecodeError as error:
        raise errors.malformed_query("The form is not UTF-8.") from error
    return {**forms.decode(request.query), **forms.decode(body)}


def _refuse_json(error: WireError, request_id: str) -> Response:
    headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", request_id)]
    return Response(error.status, json_refusal(error, errors.CORAL), headers)


def _refuse_query(error: WireError, request_id: str) -> Response:
    headers = [CONTENT_TYPE, ("x-amzn-RequestId", request_id)]
    return Response(error.status, query_refusal(error, _FAULT_NAMESPACE, request_id), headers)
