"""Names on the Query protocol's wire: from the model, or from the service's table where the model lost them."""

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.door.aws.model import Member, Model, Shape
from runtime.door.service import QueryNames


@dataclass(frozen=True, slots=True)
class Aggregate:
    """How a list or a map stands on the wire."""

    flattened: bool
    item: str
    """Name of a list's item (`member`), of a map's entry (`entry`); empty where it is flattened."""
    key: str = "key"
    value: str = "value"


class Naming:
    """The names of one service. `names` is None where botocore's model has kept them."""

    def __init__(self, model: Model, names: QueryNames | None) -> None:
        self._model = model
        self._names = names

    def request(self, name: str, member: Member) -> str:
        """The name of a structure's member in a form."""
        return self._wire(name, member, {} if self._names is None else self._names.request)

    def result(self, name: str, member: Member) -> str:
        """The name of a structure's member in a reply."""
        return self._wire(name, member, {} if self._names is None else self._names.results)

    def _wire(self, name: str, member: Member, table: Mapping[str, str]) -> str:
        if name in table:
            return table[name]
        item = self._model.shape(member.shape).item
        if self._names is None:
            flattened = self._flattened(member) and item is not None
            return (item.location_name if flattened and item else None) or member.location_name or name
        # SQS calls a list of structures by its element: SendMessageBatchRequestEntry.1.Id
        if item is not None and self._model.shape(item.shape).kind == "structure":
            return item.shape
        return name

    def aggregate(self, name: str, member: Member) -> Aggregate:
        """How the list or map that is the member `name` of a structure is laid out."""
        shape = self._model.shape(member.shape)
        if self._names is not None:
            key, value = self._names.maps.get(name, ("key", "value"))
            return Aggregate(flattened=True, item="", key=key, value=value)
        return self._modelled(shape, flattened=self._flattened(member))

    def _modelled(self, shape: Shape, *, flattened: bool) -> Aggregate:
        if shape.item is not None:
            return Aggregate(flattened, "" if flattened else shape.item.location_name or "member")
        key = shape.key.location_name if shape.key else None
        value = shape.value.location_name if shape.value else None
        return Aggregate(flattened, "" if flattened else "entry", key or "key", value or "value")

    def _flattened(self, member: Member) -> bool:
        return member.flattened or self._model.shape(member.shape).flattened
