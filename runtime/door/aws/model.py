"""botocore's service models as this door reads them: the JSON files, without botocore's client machinery.

Only what a codec needs is kept, and a shape is read when it is first asked for: a model has hundreds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

# botocore ships no types
from botocore.loaders import Loader  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

_STRUCTURE: Mapping[str, Any] = {"type": "structure", "members": {}}


@dataclass(frozen=True, slots=True)
class Member:
    """A place that holds a shape: a structure's member, a list's item, a map's key or value."""

    shape: str
    location_name: str | None = None
    flattened: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The model's constraints; None and () where it has none."""

    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.enum) or (self.min, self.max, self.pattern) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of the model. `kind` is structure, list, map, or the scalar's own name."""

    name: str
    kind: str
    members: Mapping[str, Member] = field(default_factory=dict[str, Member])
    required: tuple[str, ...] = ()
    item: Member | None = None
    key: Member | None = None
    value: Member | None = None
    flattened: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Signature:
    """What an operation takes and gives: names of shapes, None for nothing at all."""

    input: str | None
    output: str | None
    result_wrapper: str | None


class Model:
    """One service's model, such as `sqs`. Raises botocore's UnknownServiceError for a name it does not have."""

    def __init__(self, name: str) -> None:
        loader: Any = Loader()
        raw = cast("Mapping[str, Any]", loader.load_service_model(name, "service-2"))
        metadata = cast("Mapping[str, Any]", raw["metadata"])
        self.name = name
        self.title: str = metadata["serviceId"]
        self.version: str = metadata["apiVersion"]
        self.protocols: list[str] = metadata.get("protocols", [metadata["protocol"]])
        self.json_version: str = metadata.get("jsonVersion", "1.0")
        self.target_prefix: str = metadata.get("targetPrefix", "")
        self.signing_name: str = metadata.get("signingName", metadata["endpointPrefix"])
        self.error_namespace = f"com.amazonaws.{metadata['endpointPrefix']}"
        self.xml_namespace: str = metadata.get("xmlNamespace", "")
        self.query_compatible = "awsQueryCompatible" in metadata
        self.operations = {key: _signature(value) for key, value in raw["operations"].items()}
        self._raw_shapes = cast("Mapping[str, Mapping[str, Any]]", raw["shapes"])
        self._shapes: dict[str, Shape] = {}

    @property
    def errors(self) -> dict[str, tuple[str, int]]:
        """The service's own: shape -> (code of the Query protocol, status)."""
        found: dict[str, tuple[str, int]] = {}
        for name, raw in self._raw_shapes.items():
            if raw.get("exception"):
                error = raw.get("error", {})
                found[name] = (
                    error.get("code", name),
                    error.get("httpStatusCode", 500 if raw.get("fault") else 400),
                )
        return found

    def shape(self, name: str | None) -> Shape:
        """The shape of that name; of None, a structure without members."""
        if name is None:
            return _shape("", _STRUCTURE)
        found = self._shapes.get(name)
        if found is None:
            found = self._shapes[name] = _shape(name, self._raw_shapes[name])
        return found


def _signature(raw: Mapping[str, Any]) -> Signature:
    given, answered = raw.get("input", {}), raw.get("output", {})
    return Signature(given.get("shape"), answered.get("shape"), answered.get("resultWrapper"))


def _member(raw: Mapping[str, Any] | None) -> Member | None:
    if raw is None:
        return None
    return Member(raw["shape"], raw.get("locationName"), raw.get("flattened", False))


def _shape(name: str, raw: Mapping[str, Any]) -> Shape:
    members = cast("Mapping[str, Mapping[str, Any]]", raw.get("members", {}))
    return Shape(
        name=name,
        kind=raw["type"],
        members={
            key: Member(value["shape"], value.get("locationName"), value.get("flattened", False))
            for key, value in members.items()
        },
        required=tuple(raw.get("required", ())),
        item=_member(raw.get("member")),
        key=_member(raw.get("key")),
        value=_member(raw.get("value")),
        flattened=raw.get("flattened", False),
        limits=Limits(raw.get("min"), raw.get("max"), raw.get("pattern"), tuple(raw.get("enum", ()))),
    )
