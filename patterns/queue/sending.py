"""What a queue accepts: standard messages as they come, FIFO ones once in 300 s by their deduplication id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from patterns.queue.changes import Dedup, DedupKey, Sends
from patterns.queue.errors import QueueError
from patterns.queue.limits import check_batch, check_batch_size, check_fifo_ids, check_message, trace_of
from patterns.queue.message_attributes import body_digest, digest, encoded
from patterns.queue.messages import Failed, SendEntry, Sent
from patterns.queue.state import Queue
from patterns.queue.stored import StoredMessage

DEDUP_WINDOW = 300.0
"""Seconds from the accepted send; a duplicate does not prolong it."""

Draw = Callable[[], str]
"""A new UUID, as text."""


@dataclass(slots=True)
class _Sending:
    """One call: what is the same for all of its entries."""

    queue: Queue
    sender: str
    now: float
    draw: Draw
    change: Sends

    def accept(self, entry: SendEntry) -> None:
        settings = self.queue.settings
        check_message(entry, settings.size_max, fifo=settings.fifo, content_dedup=settings.content_dedup)
        message = self.message(entry)
        known = self.first_of(message) if settings.fifo else None
        first = self.store(message) if known is None else known
        self.change.sent.append(
            Sent(
                first.message_id,
                body_digest(message.body),
                digest(message.attributes),
                digest(encoded(entry.system_attributes)),
                first.seq if settings.fifo else None,
                entry.entry_id,
            )
        )

    def message(self, entry: SendEntry) -> StoredMessage:
        """As it would be stored, without an id yet: a duplicate draws none."""
        settings = self.queue.settings
        body = entry.body.encode()
        delay = settings.delay if settings.fifo or entry.delay is None else entry.delay
        header = entry.system_attributes.get("AWSTraceHeader")
        now = self.now
        return StoredMessage(
            self.queue.next_seq + len(self.change.messages),
            "",
            now,  # born
            now,  # sent
            now + delay,
            body,
            encoded(entry.attributes),
            self.sender,
            entry.group,
            (entry.dedup_id or sha256(body).hexdigest()) if settings.fifo else None,
            header.string if header else trace_of(entry.trace),
        )

    def first_of(self, message: StoredMessage) -> Dedup | None:
        """The accepted send that this one repeats, also one of the same batch."""
        key = self.dedup_key(message)
        known = self.change.dedups.get(key) or self.queue.dedups.get(key)
        return known if known is not None and self.now < known.until else None

    def store(self, message: StoredMessage) -> StoredMessage:
        message.message_id = self.draw()
        self.change.messages.append(message)
        if self.queue.settings.fifo:
            dedup = Dedup(message.message_id, message.seq, self.now + DEDUP_WINDOW)
            self.change.dedups[self.dedup_key(message)] = dedup
        return message

    def dedup_key(self, message: StoredMessage) -> DedupKey:
        """Of a message that was checked, so that it has both ids."""
        scope = message.group if self.queue.settings.dedup_by_group else ""
        return scope or "", message.dedup_id or ""

    def done(self) -> Sends:
        self.change.reserved = self.queue.reserve_for(len(self.change.messages))
        return self.change


def _begun(queue: Queue, sender: str, now: float, draw: Draw) -> _Sending:
    # every field by hand: five default factories are 1 us of a send
    return _Sending(queue, sender, now, draw, Sends([], {}, None, [], []))


def send(queue: Queue, entry: SendEntry, sender: str, now: float, draw: Draw) -> Sends:
    """One message; the answer is `change.sent[0]`. Raises what SendMessage says."""
    sending = _begun(queue, sender, now, draw)
    sending.accept(entry)
    return sending.done()


def send_batch(queue: Queue, entries: Sequence[SendEntry], sender: str, now: float, draw: Draw) -> Sends:
    """Each entry succeeds or fails alone: `change.result`. Raises what is wrong with the batch as a whole."""
    check_batch("SendMessageBatchRequestEntry", [entry.entry_id for entry in entries])
    check_batch_size(entries)
    if queue.settings.fifo:  # an entry that lacks its ids fails the whole call (observed)
        for entry in entries:
            check_fifo_ids(entry, content_dedup=queue.settings.content_dedup)
    sending = _begun(queue, sender, now, draw)
    for entry in entries:
        try:
            sending.accept(entry)
        except QueueError as refusal:
            sending.change.failed.append(Failed(entry.entry_id, refusal.query_code, refusal.text))
    return sending.done()
