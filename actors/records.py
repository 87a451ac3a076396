"""What is kept for years: JSON with its type and version, and the functions that bring an old one up to date.

    class Deposited(Record, version=2):
        amount: int
        currency: str

    def with_currency(data: Data) -> Data:
        return {**data, "currency": "EUR"}

    Form("events", (Deposited,), {("Deposited", 1): with_currency})

Add optional fields only, or raise the version and give its upcast; never use a name again for something else. A
test holds one stored sample of every version that was ever released. Nothing is pickled: a pickle runs what it holds.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import override

from actors.errors import ActorError, BadSpec

Data = dict[str, Any]
Upcasts = Mapping[tuple[str, int], Callable[[Data], Data]]
"""(type, version) -> what makes data of the next version of it."""
B = TypeVar("B", bound=BaseModel)


class BadRecord(ActorError):
    """A stored record that cannot be read: damaged, of an unknown type, or of a version without an upcast."""


class UnknownVersion(BadRecord):
    """A record was written by a newer release. The actor does not start, and nothing is overwritten."""


class Record(BaseModel):
    """A frozen value that is kept: an event, a state, a part of them. `stored_as` keeps the name of a class renamed since."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stored_version: ClassVar[int] = 1
    stored_type: ClassVar[str] = ""

    @override
    def __init_subclass__(cls, *, version: int = 1, stored_as: str = "", **config: Any) -> None:
        super().__init_subclass__(**config)
        if version < 1:
            raise BadSpec(f"{cls.__name__}: versions begin at 1")
        cls.stored_version = version
        cls.stored_type = stored_as


def type_of(kind: type[BaseModel]) -> str:
    """The name under which objects of the class are kept."""
    return cast("str", getattr(kind, "stored_type", "")) or kind.__name__


def version_of(kind: type[BaseModel]) -> int:
    """The version that the class writes; a message says `stored_version: ClassVar[int] = 2`."""
    return cast("int", getattr(kind, "stored_version", 1))


class Form(Generic[B]):
    """How the objects of some classes are kept. Raises BadSpec for classes and upcasts that do not fit together."""

    __slots__ = ("_kinds", "_upcasts", "_what")

    def __init__(self, what: str, kinds: Sequence[type[B]], upcasts: Upcasts) -> None:
        self._what = what
        self._kinds = {type_of(kind): kind for kind in kinds}
        self._upcasts = upcasts
        if len(self._kinds) != len(kinds):
            raise BadSpec(f"{what}: two classes are kept under one name; say stored_as")

    def __contains__(self, kind: type) -> bool:
        return self._kinds.get(type_of(kind)) is kind

    def check(self) -> None:
        """Each version below the newest that has an upcast has one up to the newest. Raises BadSpec."""
        for key in self._upcasts:
            if type(key) is not tuple or len(key) != 2:
                raise BadSpec(
                    f"{self._what}: an upcast stands under (type's name, version), not under {key!r}"
                )
        for name, version in self._upcasts:
            kind = self._kinds.get(name)
            newest = version_of(kind) if kind is not None else 0
            missing = [old for old in range(version, newest) if (name, old) not in self._upcasts]
            if not 1 <= version < newest or missing:
                raise BadSpec(f"{self._what}: the upcasts from {name} {version} do not lead to {newest}")

    def data(self, value: B) -> Data:
        """The value as JSON holds it. Raises BadSpec for a class that is not listed."""
        kind = type(value)
        if kind not in self:
            raise BadSpec(f"{self._what}: {kind.__name__} is not listed")
        return {
            "type": type_of(kind),
            "version": version_of(kind),
            "data": value.model_dump(mode="json", by_alias=True),
        }

    def write(self, value: B) -> bytes:
        """The value as it is kept."""
        return dumped(self.data(value))

    def read(self, stored: bytes) -> B:
        """What was kept, brought up to date. Raises UnknownVersion, BadRecord."""
        return self.value(loaded(stored))

    def value(self, found: Data) -> B:
        """As `read`, of what `data` has made."""
        name, version, data = found.get("type"), found.get("version"), found.get("data")
        if not isinstance(name, str) or not isinstance(version, int) or not isinstance(data, dict):
            raise BadRecord(f"{self._what}: a record has a type, a version and data")
        kind = self._kinds.get(name)
        if kind is None:
            raise BadRecord(f"{self._what}: no class is kept as {name!r}")
        newest = version_of(kind)
        if version > newest:
            raise UnknownVersion(f"{self._what}: {name} {version} is newer than {newest}, the newest known")
        fields = cast("Data", data)
        for old in range(version, newest):
            upcast = self._upcasts.get((name, old))
            if upcast is None:
                raise BadRecord(f"{self._what}: {name} {old} has no upcast")
            fields = upcast(fields)
        try:
            return kind.model_validate_json(dumped(fields))
        except ValidationError as error:
            raise BadRecord(f"{self._what}: {name} {version} does not load") from error


def dumped(data: Data) -> bytes:
    """Data as bytes, one way only: the same data gives the same bytes."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def loaded(stored: bytes) -> Data:
    """Bytes as data. Raises BadRecord."""
    try:
        found = json.loads(stored)
    except ValueError as error:
        raise BadRecord("what is kept is no JSON") from error
    if not isinstance(found, dict):
        raise BadRecord("what is kept is no JSON object")
    return cast("Data", found)
