"""What a receive tells about a message: only what was asked for, with the MD5 of just that."""

from collections.abc import Collection

from patterns.queue.index import Delivery
from patterns.queue.message_attributes import body_digest, selected
from patterns.queue.messages import Received, ReceiveMessage
from patterns.queue.stored import StoredMessage


def received(
    message: StoredMessage, delivery: Delivery, handle: str, asked: ReceiveMessage, *, fifo: bool
) -> Received:
    """The message as the consumer gets it."""
    attributes, md5 = selected(message.attributes, asked.attribute_names)
    return Received(
        message_id=message.message_id,
        receipt_handle=handle,
        body=message.body.decode(),
        md5_of_body=body_digest(message.body),
        system_attributes=_system(message, delivery, asked.system_names, fifo=fifo)
        if asked.system_names
        else {},
        attributes=attributes,
        md5_of_attributes=md5,
    )


def _system(
    message: StoredMessage, delivery: Delivery, names: Collection[str], *, fifo: bool
) -> dict[str, str]:
    """System attributes by name, or `All`: every one that the message has. An unknown name is ignored."""
    every = {
        "SenderId": message.sender,
        "SentTimestamp": _ms(message.sent),
        "ApproximateReceiveCount": str(message.carried + delivery.receives),
        "ApproximateFirstReceiveTimestamp": _ms(message.first_received_at or delivery.first_received_at),
        "SequenceNumber": f"{message.seq:020d}" if fifo else None,
        "MessageDeduplicationId": message.dedup_id,
        "MessageGroupId": message.group,
        "AWSTraceHeader": message.trace,
        "DeadLetterQueueSourceArn": message.source,
    }
    everything = "All" in names
    return {
        name: value for name, value in every.items() if value is not None and (everything or name in names)
    }


def _ms(at: float) -> str:
    """Milliseconds since 1970."""
    return str(int(at * 1_000))
