"""How far an actor has come in the streams of those who send to it: a row for each, the newest in memory too."""

from collections import OrderedDict
from dataclasses import dataclass

from actors.address import Address
from actors.outbox import Deliver, Delivered, Refusal
from actors.records import BadRecord, dumped, loaded

PREFIX = "~inbox/"


def row_of(sender: Address) -> str:
    """The key of the sender's row."""
    return PREFIX + sender


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a sender's stream has come here, and what became of the last message."""

    stream: str
    sequence: int
    refusal: Refusal | None

    def answer(self, message: Deliver) -> Delivered | None:
        """What was answered to a message that comes again; None: it is new."""
        if self.stream != message.stream or message.sequence > self.sequence:
            return None
        return Delivered(self.refusal if message.sequence == self.sequence else None)

    def kept(self) -> bytes:
        """The row's value."""
        refusal = None if self.refusal is None else [self.refusal.kind, self.refusal.text]
        return dumped({"stream": self.stream, "sequence": self.sequence, "refusal": refusal})


def seen_of(row: bytes) -> Seen:
    """What `kept` has made. Raises BadRecord."""
    match loaded(row):
        case {"stream": str() as stream, "sequence": int() as sequence, "refusal": None}:
            return Seen(stream, sequence, None)
        case {
            "stream": str() as stream,
            "sequence": int() as sequence,
            "refusal": [str() as kind, str() as text],
        }:
            return Seen(stream, sequence, Refusal(kind, text))
        case _:
            raise BadRecord(f"{PREFIX}: a sender's place is a stream, a number and a refusal")


class Inbox:
    """The places of the `most` senders that wrote last."""

    __slots__ = ("_most", "_seen")

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[Address, Seen] = OrderedDict()

    def get(self, sender: Address) -> Seen | None:
        return self._seen.get(sender)

    def add(self, sender: Address, seen: Seen) -> None:
        """Its newest place, staged or read."""
        self._seen[sender] = seen
        self._seen.move_to_end(sender)
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
