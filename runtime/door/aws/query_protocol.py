"""The Query protocol: a form (or query string) whose `Action` names the operation, XML out.

Readers turn the form's tree into the same input that JSON gives; the texts become the members' types here.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.door.aws import errors
from runtime.door.aws.check import compile_check
from runtime.door.aws.codec import Parse, Render
from runtime.door.aws.forms import Node, tree
from runtime.door.aws.model import Member, Model
from runtime.door.aws.query_naming import Naming
from runtime.door.aws.xml import Writers, escape
from runtime.door.http import Request, Response
from runtime.door.service import Service, WireError

Reader = Callable[[Node, str], Any]
"""(what stands under the name, the name for an error's text) -> the member's value. Raises WireError."""

CONTENT_TYPE = ("Content-Type", "text/xml")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class QueryCodec:
    """One service's forms and XML."""

    name = "query"

    def __init__(self, service: Service, model: Model) -> None:
        self._service = service
        self._model = model
        naming = Naming(model, service.query)
        self._readers = _Readers(model, naming)
        self._writers = Writers(model, naming)
        self._namespace = model.xml_namespace if service.query is None else service.query.namespace

    def parser(self, operation: str) -> Parse:
        shape = self._model.shape(self._model.operations[operation].input)
        read = self._readers.structure(shape.name or None)
        check = compile_check(self._service, self._model, operation)
        names = self._service.query
        from_path = names.path_member if names is not None and names.path_member in shape.members else ""
        root_only = names is not None and operation in names.root_only

        def parse(request: Request, form: Mapping[str, str], base_url: str) -> Mapping[str, Any]:
            if root_only and _is_resource(request.path):
                raise errors.invalid_action(operation)
            given: dict[str, Any] = read(tree(form), "")
            if from_path and from_path not in given and _is_resource(request.path):
                given[from_path] = base_url + request.path
            check(given)
            return given

        return parse

    def renderer(self, operation: str) -> Render:
        signature = self._model.operations[operation]
        write = self._writers.structure(signature.output)
        wrapper = self._wrapper(operation, signature.result_wrapper)
        opening = f'<?xml version="1.0"?><{operation}Response xmlns="{self._namespace}">'
        before, after = (f"<{wrapper}>", f"</{wrapper}>") if wrapper else ("", "")

        def render(output: Mapping[str, Any], request_id: str) -> Response:
            out = [opening, before]
            write(out, output)
            out.append(
                f"{after}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
            )
            return Response(200, "".join(out).encode(), [CONTENT_TYPE, ("x-amzn-RequestId", request_id)])

        return render

    def _wrapper(self, operation: str, modelled: str | None) -> str | None:
        names = self._service.query
        if names is None:
            return modelled
        return None if operation in names.no_result else f"{operation}Result"

    def refuse(self, error: WireError, request_id: str) -> Response:
        body = refusal_body(error, self._namespace, request_id)
        return Response(error.status, body, [CONTENT_TYPE, ("x-amzn-RequestId", request_id)])


def _is_resource(path: str) -> bool:
    """It names an account and something of it: `/000000000000/orders`."""
    return "/" in path.strip("/")


def refusal_body(error: WireError, namespace: str, request_id: str) -> bytes:
    """A refusal as the Query protocol's XML."""
    members = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in error.members.items())
    return (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{namespace}"><Error><Type>{error.fault}</Type>'
        f"<Code>{escape(error.query_code or error.shape)}</Code><Message>{escape(error.message)}</Message>{members}<Detail/></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


# --- forms ------------------------------------------------------------------------------------------------


def _string(text: str, _name: str) -> str:
    return text


def _integer(text: str, name: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise errors.invalid_parameter(text, name, "Must be an integer.")
    return int(text)


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise errors.invalid_parameter(text, name, "Must be a number.") from error


def _boolean(text: str, name: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise errors.invalid_parameter(text, name, "Must be true or false.")
    return text.lower() == "true"


def _blob(text: str, name: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise errors.invalid_parameter(text, name, "Must be base64.") from error


def _timestamp(text: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise errors.invalid_parameter(text, name, "Must be an ISO 8601 date and time.") from error


_SCALARS: Mapping[str, Callable[[str, str], Any]] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
}


class _Readers:
    def __init__(self, model: Model, naming: Naming) -> None:
        self._model = model
        self._naming = naming
        self._structures: dict[str, Reader] = {}

    def structure(self, name: str | None) -> Reader:
        shape = self._model.shape(name)
        if shape.name not in self._structures:

            def later(node: Node, path: str) -> Any:  # a shape that holds itself
                return self._structures[shape.name](node, path)

            self._structures[shape.name] = later
            members = [
                (self._naming.request(key, member), key, self._member(key, member))
                for key, member in shape.members.items()
            ]
            self._structures[shape.name] = _structure(members)
        return self._structures[shape.name]

    def _member(self, name: str, member: Member) -> Reader:
        shape = self._model.shape(member.shape)
        layout = self._naming.aggregate(name, member)
        if shape.item is not None:
            return _list(self._element(shape.item), layout.item)
        if shape.key is not None and shape.value is not None:
            key, value = self._element(shape.key), self._element(shape.value)
            return _map(layout.item, (layout.key, key), (layout.value, value))
        return self._element(member)

    def _element(self, member: Member) -> Reader:
        shape = self._model.shape(member.shape)
        convert = _SCALARS.get(shape.kind)
        if convert is not None:
            return _scalar(convert)
        return self.structure(shape.name) if shape.kind == "structure" else self._member("", member)


def _scalar(convert: Callable[[str, str], Any]) -> Reader:
    def read(node: Node, path: str) -> Any:
        if node.value is None:
            raise errors.invalid_parameter("", path, "Must be a single value.")
        return convert(node.value, path)

    return read


def _structure(members: list[tuple[str, str, Reader]]) -> Reader:
    def read(node: Node, path: str) -> dict[str, Any]:
        below, prefix = node.below, f"{path}." if path else ""
        return {key: reader(below[wire], prefix + wire) for wire, key, reader in members if wire in below}

    return read


def _list(item: Reader, item_name: str) -> Reader:
    def read(node: Node, path: str) -> list[Any]:
        holder = node.below.get(item_name, node) if item_name else node
        numbered = [item(one, f"{path}.{number}") for number, one in enumerate(holder.items(), 1)]
        if numbered or not node.value:  # `Name=` is an empty list
            return numbered
        return [item(node, path)]  # `AttributeName=All`, as old clients write it

    return read


def _map(entry_name: str, key: tuple[str, Reader], value: tuple[str, Reader]) -> Reader:
    def read(node: Node, path: str) -> dict[Any, Any]:
        holder = node.below.get(entry_name, node) if entry_name else node
        given: dict[Any, Any] = {}
        # `Attribute.Name=a&Attribute.Value=b`, as old clients write a single entry
        entries = holder.items() or ([holder] if {key[0], value[0]} <= holder.below.keys() else [])
        for number, one in enumerate(entries, 1):
            at = f"{path}.{number}"
            if not {key[0], value[0]} <= one.below.keys():
                raise errors.malformed_query(f"{at} needs both {key[0]} and {value[0]}.")
            given[key[1](one.below[key[0]], f"{at}.{key[0]}")] = value[1](
                one.below[value[0]], f"{at}.{value[0]}"
            )
        return given

    return read
