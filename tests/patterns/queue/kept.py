"""A queue and its table in memory, kept as the actor keeps them: read, stage, apply."""

from uuid import UUID

from actors.durable import Delete, DeletePrefix, Put
from patterns.queue.answers import received
from patterns.queue.changes import Change, Expired, Taken
from patterns.queue.loading import Loader, meta_of
from patterns.queue.messages import OpenQueue, Parcel, Received, ReceiveMessage, SendEntry, Sent
from patterns.queue.receiving import handle, receive
from patterns.queue.rows import META, OUTGOING, keys_of, messages_of, parcel_of, writes_of
from patterns.queue.sending import send
from patterns.queue.state import Queue, opened

FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
EVERYTHING = ("All",)


class Kept:
    """`now` is the test's to move; ids are drawn in order from 1."""

    def __init__(
        self, attributes: dict[str, str] | None = None, name: str = "orders", number: int = 1
    ) -> None:
        self.now = 1_000.0
        self.table: dict[str, bytes] = {}
        self.drawn = 0
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        message = OpenQueue(
            queue_id=str(UUID(int=number)), attributes=attributes or {}, tags={}, created_at=self.now
        )
        change = opened(message, name, self.arn)
        self.queue = Queue(change.meta)
        self.keep(change)

    def draw(self) -> str:
        self.drawn += 1
        return str(UUID(int=self.drawn))

    def keep(self, change: Change) -> None:
        read = [self.table.get(key) for key in keys_of(change)] if isinstance(change, Taken) else []
        for write in writes_of(change, read):
            match write:
                case Put(key, value):
                    self.table[key] = value
                case Delete(key):
                    self.table.pop(key, None)
                case DeletePrefix(prefix):
                    for key in [key for key in self.table if key.startswith(prefix)]:
                        del self.table[key]
                case other:
                    raise AssertionError(other)
        self.queue.apply(change)

    def advance(self, seconds: float = 0.0) -> Expired | None:
        self.now += seconds
        change = self.queue.advance(self.now)
        if change is not None:
            self.keep(change)
        return change

    def send(
        self, body: str, group: str | None = None, dedup_id: str | None = None, delay: int | None = None
    ) -> Sent:
        self.advance()
        entry = SendEntry(body, delay=delay, group=group, dedup_id=dedup_id)
        change = send(self.queue, entry, "000000000000", self.now, self.draw)
        self.keep(change)
        return change.sent[0]

    def receive(
        self,
        count: int = 10,
        visibility: int | None = None,
        attempt: str | None = None,
        names: tuple[str, ...] = EVERYTHING,
    ) -> list[Received]:
        self.advance()
        message = ReceiveMessage(
            count=count, visibility=visibility, attempt=attempt, system_names=names, attribute_names=names
        )
        taken = receive(self.queue, message, self.now)
        messages = messages_of(taken, [self.table.get(key) for key in keys_of(taken)])
        self.keep(taken)
        return [
            received(one, delivery, handle(self.queue, seq, delivery), message, fifo=self.queue.settings.fifo)
            for one, (seq, delivery) in zip(messages, taken.hands, strict=True)
        ]

    def bodies(self, count: int = 10) -> list[str]:
        return [one.body for one in self.receive(count)]

    def outgoing(self) -> list[Parcel]:
        return [
            parcel_of(key, value) for key, value in sorted(self.table.items()) if key.startswith(OUTGOING)
        ]

    def restored(self) -> Queue:
        """The queue as a restart finds it at this moment."""
        loader = Loader(meta_of(self.table[META]))
        for prefix in Loader.PREFIXES:
            for key in sorted(key for key in self.table if key.startswith(prefix)):
                loader.add(key, self.table[key])
        queue = loader.queue()
        queue.advance(self.now)
        return queue

    def restart(self) -> None:
        self.queue = self.restored()
