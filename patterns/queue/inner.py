"""What the queue's actors say to themselves: the results of their pipes, and a look at who waits."""

from collections.abc import Mapping

from pydantic import ConfigDict

from actors.message import Message
from patterns.queue.errors import QueueDoesNotExist
from patterns.queue.messages import Parcel


class Serve(Message[None]):
    """A message may have become visible: serve the longest waiting receive that can be served."""


class HandedOver(Message[None]):
    """A dead-letter queue has answered `Adopt` for these parcels."""

    parcels: tuple[Parcel, ...]
    outcome: str
    """`kept`; `missing`: there is no such queue; `again`: no answer."""

    @classmethod
    def of(cls, parcels: tuple[Parcel, ...], result: object) -> "HandedOver":
        """What the ask of `Adopt` has come to."""
        if isinstance(result, QueueDoesNotExist):
            return cls(parcels=parcels, outcome="missing")
        return cls(parcels=parcels, outcome="again" if isinstance(result, Exception) else "kept")


class SendOff(Message[None]):
    """Try again to hand over the dead letters that are still here."""


class RedriveJudged(Message[None]):
    """The names have judged a redrive policy that `SetQueueAttributes` brought; `error`: they refuse."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    key: str
    attributes: Mapping[str, str]
    error: Exception | None

    @classmethod
    def of(cls, key: str, attributes: Mapping[str, str], result: object) -> "RedriveJudged":
        """What the ask of `SetRedrive` has come to."""
        return cls(key=key, attributes=attributes, error=result if isinstance(result, Exception) else None)


class Opened(Message[None]):
    """A queue has answered `OpenQueue`; `error`: it has not."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    error: Exception | None


class Reaffirmed(Message[None]):
    """A queue has answered `ReaffirmQueue` for the asker deferred under `key`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    key: str
    name: str
    error: Exception | None


class SourcesFound(Message[None]):
    """The candidates have said who sends dead letters to a queue, for the asker deferred under `key`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    key: str
    found: tuple[str, ...] | Exception


class TakeUpAgain(Message[None]):
    """Ask a queue once more to open or to close: it has not answered, or its answer could not be kept."""

    name: str


class Closed(Message[None]):
    """A queue has answered `CloseQueue`; `error`: it has not."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    error: Exception | None
