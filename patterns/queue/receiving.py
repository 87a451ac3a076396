"""What a consumer may do: receive, delete, and say when a message shall be seen again."""

from collections.abc import Collection, Sequence

from patterns.queue.changes import Attempt, Deleted, Move, Redated, Taken
from patterns.queue.errors import (
    InvalidParameterValue,
    MissingParameter,
    OverLimit,
    QueueError,
    ReceiptHandleExpired,
    ReceiptHandleIsForeign,
    ReceiptHandleIsInvalid,
)
from patterns.queue.handles import handle_of, parse_handle
from patterns.queue.index import Delivery
from patterns.queue.limits import (
    IN_FLIGHT_MAX,
    VISIBILITY_MAX,
    check_batch,
    check_receive,
    check_visibility,
)
from patterns.queue.messages import DeleteEntry, Failed, ReceiveMessage, VisibilityEntry
from patterns.queue.state import Queue

ATTEMPT_WINDOW = 300.0
"""Seconds for which a receive can be repeated by its attempt id."""
MOVES_MAX = 16
"""Dead letters that are on their way at once: each may have 1 MiB, and is in memory until it is adopted."""
PASSED_MAX = 1_000
"""Dead letters that one receive looks past; behind them it goes on the next time."""


# --- receive ----------------------------------------------------------------------------------------------


def receive(queue: Queue, message: ReceiveMessage, now: float) -> Taken:
    """Take what can be had now, up to `message.count`; the rows of all that it names are read before it is applied.

    A receive that finds nothing but dead letters (`moves` and no `hands`) is worth repeating once it is applied.
    Raises InvalidParameterValue; OverLimit for a short poll of a standard queue that has too many in flight.
    """
    check_receive(message.count, message.wait, message.visibility, message.attempt)
    settings = queue.settings
    timeout = settings.visibility if message.visibility is None else message.visibility
    attempt = message.attempt if settings.fifo else None
    again = _repeated(queue, attempt, timeout, now) if attempt is not None else None
    if again is not None:
        return again
    room = IN_FLIGHT_MAX - queue.index.in_flight
    if room <= 0 and not settings.fifo and not wait_of(queue, message):
        raise OverLimit(f"The maximum number of in flight messages is reached: {IN_FLIGHT_MAX}.")
    taken = _take(queue, min(message.count, room), timeout, now)
    if attempt is not None and taken.hands:
        taken.attempt = (attempt, _attempt(taken, now + ATTEMPT_WINDOW))
    return taken


def wait_of(queue: Queue, message: ReceiveMessage) -> int:
    """Seconds that a receive which finds nothing waits for its first message."""
    return queue.settings.wait if message.wait is None else message.wait


def handle(queue: Queue, seq: int, delivery: Delivery) -> str:
    """The receipt handle of a hand of `Taken`."""
    return handle_of(queue.id, seq, delivery.receives)


def _take(queue: Queue, count: int, timeout: int, now: float) -> Taken:
    taken = Taken()
    if count <= 0:
        return taken
    redrive = queue.settings.redrive
    deliveries = queue.index.deliveries
    fresh = Delivery(now)
    passed = 0
    for seq in queue.index.candidates(_locked(queue)):
        before = deliveries.get(seq, fresh)
        if redrive is not None and before.receives >= redrive.receives_max:
            passed += 1
            if not _sent_off(queue, taken, Move(seq, before, redrive.target)) or passed == PASSED_MAX:
                break
            continue
        if taken.moves and _are_of_one_group(queue, taken.moves[-1].seq, seq):
            continue  # should nobody adopt what moves, it has its place before this one again
        first = before.first_received_at or now
        taken.hands.append((seq, Delivery(now + timeout, before.receives + 1, now, first, timeout > 0)))
        if len(taken.hands) == count:
            break
    return taken


def _sent_off(queue: Queue, taken: Taken, move: Move) -> bool:
    """Move it, if not too many are on their way; False: it stays for now, and nothing of a FIFO queue may overtake it."""
    if len(queue.outgoing) + len(taken.moves) < MOVES_MAX:
        taken.moves.append(move)
        return True
    return not queue.settings.fifo


def _locked(queue: Queue) -> Collection[str]:
    """Groups of which one is on its way to the dead-letter queue: it may come back."""
    return {group for group in queue.outgoing.values() if group is not None} if queue.outgoing else ()


def _are_of_one_group(queue: Queue, before: int, seq: int) -> bool:
    group = queue.index.group_of(seq)
    return group is not None and group == queue.index.group_of(before)


def _attempt(taken: Taken, until: float) -> Attempt:
    return Attempt(
        until,
        taken.hands[0][1].visible_at,
        tuple(seq for seq, _ in taken.hands),
        tuple(delivery.receives for _, delivery in taken.hands),
    )


def _repeated(queue: Queue, name: str, timeout: int, now: float) -> Taken | None:
    """The same messages and handles with a new timeout, if none was deleted, changed or shown again meanwhile."""
    attempt = queue.attempts.get(name)
    if attempt is None or attempt.until <= now:
        return None
    hands: list[tuple[int, Delivery]] = []
    for seq, receives in zip(attempt.seqs, attempt.receives, strict=True):
        before = queue.index.deliveries.get(seq)
        if before is None or not before.hidden:
            return None
        if before.receives != receives or before.visible_at != attempt.visible_at:
            return None
        again = Delivery(now + timeout, receives, now, before.first_received_at, timeout > 0)
        hands.append((seq, again))
    taken = Taken(hands)
    taken.attempt = (name, _attempt(taken, attempt.until))
    return taken


# --- delete -----------------------------------------------------------------------------------------------


def delete(queue: Queue, receipt_handle: str) -> Deleted:
    """Raises ReceiptHandleIsInvalid; FIFO: ReceiptHandleExpired. A message that is gone already is no error."""
    change = Deleted()
    _delete(queue, change, receipt_handle)
    return change


def delete_batch(queue: Queue, entries: Sequence[DeleteEntry]) -> Deleted:
    """Each entry succeeds or fails alone: `change.result`."""
    check_batch("DeleteMessageBatchRequestEntry", [entry.entry_id for entry in entries])
    change = Deleted()
    for entry in entries:
        try:
            _delete(queue, change, entry.receipt_handle)
        except QueueError as refusal:
            change.failed.append(_failed(entry.entry_id, refusal))
        else:
            change.done.append(entry.entry_id)
    return change


def _delete(queue: Queue, change: Deleted, receipt_handle: str) -> None:
    seq, number = parse_handle(receipt_handle, queue.id)
    if seq not in queue.index.born or seq in change.seqs:
        return
    delivery = queue.index.deliveries.get(seq)
    if queue.settings.fifo:
        if not _is_current(delivery, number):
            raise ReceiptHandleExpired(receipt_handle)
    elif delivery is None or number > delivery.receives:
        return  # well-formed, but never issued
    change.seqs.append(seq)


def _is_current(delivery: Delivery | None, number: int) -> bool:
    return delivery is not None and delivery.hidden and delivery.receives == number


def _is_in_flight(delivery: Delivery, number: int) -> bool:
    """Standard: any handle ever issued for the message will do, as it does for a delete."""
    return delivery.hidden and number <= delivery.receives


# --- change visibility ------------------------------------------------------------------------------------


def change_visibility(queue: Queue, receipt_handle: str, timeout: int, now: float) -> Redated:
    """Seen again `timeout` seconds from now. Raises InvalidParameterValue, ReceiptHandleIsInvalid."""
    change = Redated()
    _redate(queue, change, receipt_handle, timeout, now)
    return change


def change_visibility_batch(queue: Queue, entries: Sequence[VisibilityEntry], now: float) -> Redated:
    """Each entry succeeds or fails alone: `change.result`."""
    check_batch("ChangeMessageVisibilityBatchRequestEntry", [entry.entry_id for entry in entries])
    change = Redated()
    for entry in entries:
        try:
            if entry.timeout is None:
                raise MissingParameter("VisibilityTimeout")
            _redate(queue, change, entry.receipt_handle, entry.timeout, now)
        except QueueError as refusal:
            change.failed.append(_failed(entry.entry_id, refusal))
        else:
            change.done.append(entry.entry_id)
    return change


def _redate(queue: Queue, change: Redated, receipt_handle: str, timeout: int, now: float) -> None:
    check_visibility(timeout)
    seq, number = parse_handle(receipt_handle, queue.id)
    delivery = queue.index.deliveries.get(seq)
    fifo = queue.settings.fifo
    if delivery is None or not (_is_current if fifo else _is_in_flight)(delivery, number):
        if fifo and seq in queue.index.born:
            raise ReceiptHandleExpired(receipt_handle)
        # never re-hide what is visible again: the next consumer may be at it
        reason = "Message does not exist or is not available for visibility timeout change."
        raise InvalidParameterValue.of("ReceiptHandle", receipt_handle, reason)
    if now + timeout > delivery.received_at + VISIBILITY_MAX:
        reason = f"Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_MAX} seconds]"
        raise InvalidParameterValue.of("VisibilityTimeout", timeout, reason)
    after = Delivery(
        now + timeout, delivery.receives, delivery.received_at, delivery.first_received_at, timeout > 0
    )
    change.deliveries.append((seq, after))


def _failed(entry_id: str, refusal: QueueError) -> Failed:
    if isinstance(refusal, ReceiptHandleIsForeign):
        return Failed(entry_id, refusal.query_code, refusal.batch_text)
    if isinstance(refusal, ReceiptHandleExpired):  # in a batch it has another code and no handle (observed)
        return Failed(entry_id, ReceiptHandleIsInvalid.query_code, "The receipt handle has expired")
    return Failed(entry_id, refusal.query_code, refusal.text)
