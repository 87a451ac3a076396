"""Receipt handles: they name queue, message and receive, so that judging one is arithmetic and costs no table.

base64url of queue id (16 bytes), sequence (8), number of the receive in this queue from 1 (4), check (8). The
check tells garbage from a handle of a queue that is gone; it is no secret, the queue's id is.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from struct import Struct

from patterns.queue.errors import ReceiptHandleIsForeign, ReceiptHandleIsInvalid

HANDLE_MAX = 1_024
"""Characters of a handle that is looked at at all."""
_BODY = Struct(">16sQI")
_CHECK_BYTES = 8
_LENGTH = 48


def handle_of(queue: bytes, seq: int, number: int) -> str:
    """The handle of receive `number` of message `seq`; `queue` is the queue's id, 16 bytes."""
    body = _BODY.pack(queue, seq, number)
    return urlsafe_b64encode(body + blake2b(body, digest_size=_CHECK_BYTES).digest()).decode()


def parse_handle(handle: str, queue: bytes) -> tuple[int, int]:
    """(sequence, number of the receive). Raises ReceiptHandleIsInvalid: garbage, or of another queue."""
    if len(handle) != _LENGTH or not handle.isascii():
        raise ReceiptHandleIsInvalid(handle[:HANDLE_MAX])
    try:
        raw = urlsafe_b64decode(handle)
    except ValueError:
        raise ReceiptHandleIsInvalid(handle) from None
    body, check = raw[: _BODY.size], raw[_BODY.size :]
    if blake2b(body, digest_size=_CHECK_BYTES).digest() != check:
        raise ReceiptHandleIsInvalid(handle)
    issuer, seq, number = _BODY.unpack(body)
    if issuer != queue:
        raise ReceiptHandleIsForeign(handle)
    return seq, number
