"""The way of a dead letter from one queue to another: taken out, kept by the other, forgotten here.

A receive takes it out (`Taken.moves`), and its row `out/<seq>` holds all of it until the dead-letter queue has
answered `Adopt`. So it is in one of the two at any moment, and a crash between is repeated: a parcel is named
by its source's ARN and id and its number there, and adopted once.
"""

from collections.abc import Sequence
from dataclasses import replace

from patterns.queue.changes import Adopted, BroughtBack, Settled
from patterns.queue.messages import Parcel
from patterns.queue.state import Queue
from patterns.queue.stored import StoredMessage, unpack


def adopt(
    queue: Queue,
    source: str,
    parcels: Sequence[Parcel],
    settled: Sequence[int],
    now: float,
    *,
    source_id: str = "",
) -> Adopted:
    """Keep the parcels that are new; forget those that the source has settled."""
    origin = f"{source}/{source_id}"  # a queue that is made anew under this ARN counts from 1 again
    new = {
        parcel.seq: parcel
        for parcel in parcels
        if (origin, parcel.seq) not in queue.adopted and parcel.seq not in settled
    }
    arrivals = [
        (seq, _arrived(queue, queue.next_seq + place, parcel, source, now))
        for place, (seq, parcel) in enumerate(new.items())
    ]
    return Adopted(origin, arrivals, list(settled), queue.reserve_for(len(arrivals)), now)


def _arrived(queue: Queue, seq: int, parcel: Parcel, source: str, now: float) -> StoredMessage:
    message = unpack(parcel.seq, parcel.row)
    fifo = queue.settings.fifo
    # a standard queue goes on counting the age, a FIFO queue begins anew
    born = now if fifo else message.born
    return replace(
        message,
        seq=seq,
        born=born,
        visible_at=born,
        dedup_id=message.message_id if fifo else None,  # so that two dead letters never collapse
        source=source,
        carried=message.carried + parcel.receives,
        first_received_at=message.first_received_at or parcel.first_received_at,
    )


def settle(queue: Queue, seqs: Sequence[int]) -> Settled:
    """The dead-letter queue has answered for these."""
    return Settled([seq for seq in seqs if seq in queue.outgoing])


def bring_back(queue: Queue, parcel: Parcel) -> BroughtBack:
    """The dead-letter queue does not exist: the message stays here, at its old place."""
    assert parcel.seq in queue.outgoing, f"parcel {parcel.seq} is not on its way"
    return BroughtBack(parcel)
