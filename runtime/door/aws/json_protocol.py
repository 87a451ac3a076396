"""AWS JSON 1.0 and 1.1: a POST whose `X-Amz-Target` names the operation, JSON in and out.

Parsers and renderers are closures, compiled once from the model; blobs are base64, timestamps seconds.
Unknown members are ignored, as the services do, so that a newer client still works.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from runtime.door.aws import errors
from runtime.door.aws.check import compile_check
from runtime.door.aws.codec import Parse, Render, readable
from runtime.door.aws.model import Model, Shape
from runtime.door.http import Request, Response
from runtime.door.service import Service, WireError

Convert = Callable[[Any], Any]


class JsonCodec:
    """One service's requests and replies in JSON."""

    name = "json"

    def __init__(self, service: Service, model: Model) -> None:
        self._service = service
        self._model = model
        self._parsers = _Compiler(model, _PARSING)
        self._renderers = _Compiler(model, _RENDERING)
        self._content_type = ("Content-Type", f"application/x-amz-json-{model.json_version}")

    def parser(self, operation: str) -> Parse:
        structure = self._parsers.of(self._model.operations[operation].input)
        check = compile_check(self._service, self._model, operation)
        loads = orjson.loads

        def parse(request: Request, _form: Mapping[str, str], _base_url: str) -> Mapping[str, Any]:
            try:
                body = loads(request.body or b"{}")
            except orjson.JSONDecodeError as error:
                raise errors.serialization("The request body is not valid JSON.") from error
            given: dict[str, Any] = structure(body)
            check(given)
            return given

        return parse

    def renderer(self, operation: str) -> Render:
        structure = self._renderers.of(self._model.operations[operation].output)
        content_type, dumps = self._content_type, orjson.dumps

        def render(output: Mapping[str, Any], request_id: str) -> Response:
            return Response(200, dumps(structure(output)), [content_type, ("x-amzn-RequestId", request_id)])

        return render

    def refuse(self, error: WireError, request_id: str) -> Response:
        namespace = error.namespace or self._model.error_namespace
        body = refusal_body(error, namespace)
        headers = [self._content_type, ("x-amzn-RequestId", request_id)]
        if self._model.query_compatible:
            headers.append(("x-amzn-query-error", f"{error.query_code or error.shape};{error.fault}"))
        return Response(error.status, body, headers)


def refusal_body(error: WireError, namespace: str) -> bytes:
    """A refusal as JSON carries it."""
    body = {"__type": f"{namespace}#{error.shape}", "message": readable(error.message)}
    return orjson.dumps({**body, **error.members})


# --- in ---------------------------------------------------------------------------------------------------

_TOKENS: Mapping[str, str] = {
    "str": "STRING_VALUE",
    "int": "NUMBER_VALUE",
    "float": "NUMBER_VALUE",
    "NoneType": "NULL_VALUE",
}


def _unfit(value: Any, wanted: str) -> NoReturn:
    """The services' own words for a value of the wrong type."""
    if isinstance(value, dict):
        raise errors.serialization("Start of structure or map found where not expected.")
    if isinstance(value, list):
        raise errors.serialization("Start of list found where not expected")
    if wanted in {"List", "Map", "Structure"}:
        raise errors.serialization("Unexpected field type")
    token = _TOKENS.get(type(value).__name__, f"{value}_VALUE".upper())  # else TRUE_VALUE, FALSE_VALUE
    raise errors.serialization(f"{token} cannot be converted to {wanted}")


def _string(value: Any) -> str:
    return value if type(value) is str else _unfit(value, "String")


def _integer(value: Any) -> int:
    return value if type(value) is int else _unfit(value, "Integer")


def _long(value: Any) -> int:
    return value if type(value) is int else _unfit(value, "Long")


def _number(value: Any) -> float:
    return float(value) if type(value) in {int, float} else _unfit(value, "Double")


def _boolean(value: Any) -> bool:
    return value if type(value) is bool else _unfit(value, "Boolean")


def _blob(value: Any) -> bytes:
    try:
        return b64decode(_string(value), validate=True)
    except ValueError as error:
        raise errors.serialization("A blob is not valid base64.") from error


_SCALARS_IN: Mapping[str, Convert] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _long,
    "float": _number,
    "double": _number,
    "timestamp": _number,
    "boolean": _boolean,
    "blob": _blob,
}


def _expect(kind: type, value: Any, wanted: str) -> None:
    if type(value) is not kind:
        _unfit(value, wanted)


def _parse_list(item: Convert) -> Convert:
    def parse(value: Any) -> list[Any]:
        _expect(list, value, "List")
        return [item(one) for one in value]

    return parse


def _parse_map(key: Convert, value: Convert) -> Convert:
    def parse(given: Any) -> dict[str, Any]:
        _expect(dict, given, "Map")
        return {key(name): value(one) for name, one in given.items()}

    return parse


def _parse_structure(members: Mapping[str, Convert]) -> Convert:
    def parse(given: Any) -> dict[str, Any]:
        _expect(dict, given, "Structure")
        return {
            name: members[name](one) for name, one in given.items() if one is not None and name in members
        }

    return parse


# --- out --------------------------------------------------------------------------------------------------


def _as_is(value: Any) -> Any:
    return value


def _base64(value: Any) -> str:
    return b64encode(value).decode()


def _render_list(item: Convert) -> Convert:
    return lambda value: [item(one) for one in value]


def _render_map(key: Convert, value: Convert) -> Convert:
    return lambda given: {key(name): value(one) for name, one in given.items()}


def _render_structure(members: Mapping[str, Convert]) -> Convert:
    def render(given: Any) -> dict[str, Any]:
        return {name: members[name](one) for name, one in given.items() if one is not None}

    return render


# --- from shapes to closures ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Direction:
    scalars: Mapping[str, Convert]
    list: Callable[[Convert], Convert]
    map: Callable[[Convert, Convert], Convert]
    structure: Callable[[Mapping[str, Convert]], Convert]


_PARSING = _Direction(_SCALARS_IN, _parse_list, _parse_map, _parse_structure)
_RENDERING = _Direction(
    {**dict.fromkeys(_SCALARS_IN, _as_is), "blob": _base64}, _render_list, _render_map, _render_structure
)


class _Compiler:
    def __init__(self, model: Model, direction: _Direction) -> None:
        self._model = model
        self._direction = direction
        self._done: dict[str, Convert] = {}

    def of(self, name: str | None) -> Convert:
        shape = self._model.shape(name)
        scalar = self._direction.scalars.get(shape.kind)
        if scalar is not None:
            return scalar
        if shape.name not in self._done:

            def later(value: Any) -> Any:  # a shape that holds itself
                return self._done[shape.name](value)

            self._done[shape.name] = later
            self._done[shape.name] = self._aggregate(shape)
        return self._done[shape.name]

    def _aggregate(self, shape: Shape) -> Convert:
        if shape.item is not None:
            return self._direction.list(self.of(shape.item.shape))
        if shape.key is not None and shape.value is not None:
            return self._direction.map(self.of(shape.key.shape), self.of(shape.value.shape))
        members = {key: self.of(member.shape) for key, member in shape.members.items()}
        return self._direction.structure(members)
