"""The wire protocols by the names that botocore's models use; one that is absent is not built."""

from collections.abc import Callable, Mapping

from runtime.door.aws.codec import Codec
from runtime.door.aws.json_protocol import JsonCodec
from runtime.door.aws.model import Model
from runtime.door.aws.query_protocol import QueryCodec
from runtime.door.service import Service

PROTOCOLS: Mapping[str, Callable[[Service, Model], Codec]] = {"json": JsonCodec, "query": QueryCodec}


def codecs(service: Service, model: Model) -> dict[str, Codec]:
    """The service's codecs by protocol; one with a table of Query names is served by Query as well."""
    names = [*model.protocols, *([] if service.query is None else ["query"])]
    return {name: PROTOCOLS[name](service, model) for name in names if name in PROTOCOLS}
