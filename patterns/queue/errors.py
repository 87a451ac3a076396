"""Why a queue refuses: one exception for each thing a client may handle, with what any door needs to show it.

`shape` is the name in the JSON protocol, `query_code` the one of the Query protocol and of a batch's failed
entry, `status` the HTTP status. Source: SQS API reference, Common errors and the errors of each operation.
"""

from typing import ClassVar

CHARACTERS = (
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
    "#xE000 to #xFFFD | #x10000 to #x10FFFF"
)
_PREFIX = "AWS.SimpleQueueService."


class QueueError(Exception):
    """A refusal by a queue or by the names of an account; the exception's text is the wire's message."""

    shape: ClassVar[str] = ""
    query_code: ClassVar[str] = ""
    status: ClassVar[int] = 400
    coral: ClassVar[bool] = False
    """The shape is not of the service's own model but of `com.amazon.coral.service`."""

    @property
    def text(self) -> str:
        return str(self.args[0])


class QueueDoesNotExist(QueueError):
    """Nothing there of this name. The text differs by protocol: the door's; this is the JSON one."""

    shape = "QueueDoesNotExist"
    query_code = f"{_PREFIX}NonExistentQueue"

    def __init__(self) -> None:
        super().__init__("The specified queue does not exist.")


class QueueNameExists(QueueError):
    """CreateQueue with an attribute that differs from the existing queue's."""

    shape = "QueueNameExists"
    query_code = "QueueAlreadyExists"

    def __init__(self, attribute: str) -> None:
        super().__init__(
            f"A queue already exists with the same name and a different value for attribute {attribute}"
        )


class QueueDeletedRecently(QueueError):
    """Only where the 60-second rule is switched on."""

    shape = "QueueDeletedRecently"
    query_code = f"{_PREFIX}QueueDeletedRecently"

    def __init__(self) -> None:
        super().__init__(
            "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        )


class PurgeQueueInProgress(QueueError):
    """Only where the 60-second rule is switched on."""

    shape = "PurgeQueueInProgress"
    query_code = f"{_PREFIX}PurgeQueueInProgress"
    status = 403

    def __init__(self, name: str) -> None:
        super().__init__(f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.")


class InvalidAttributeName(QueueError):
    """A queue attribute that is unknown, read-only, or not for this type of queue."""

    shape = query_code = "InvalidAttributeName"

    @classmethod
    def unknown(cls, name: str) -> "InvalidAttributeName":
        return cls(f"Unknown Attribute {name}.")


class InvalidAttributeValue(QueueError):
    """A queue attribute's value that is no number, out of range, or in conflict with another."""

    shape = query_code = "InvalidAttributeValue"

    @classmethod
    def of(cls, name: str, reason: str = "") -> "InvalidAttributeValue":
        why = f" Reason: {reason}" if reason else ""
        return cls(f"Invalid value for the parameter {name}.{why}")


class InvalidParameterValue(QueueError):
    """A parameter's value: size, range, ids, attributes of a message, a redrive policy."""

    shape = "InvalidParameterValueException"
    query_code = "InvalidParameterValue"
    coral = True

    @classmethod
    def of(cls, parameter: str, value: object, reason: str) -> "InvalidParameterValue":
        return cls(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


class MissingParameter(QueueError):
    """A member that the request needs, always or on this type of queue."""

    shape = "MissingRequiredParameterException"
    query_code = "MissingParameter"
    coral = True

    def __init__(self, name: str) -> None:
        super().__init__(f"The request must contain the parameter {name}.")


class InvalidMessageContents(QueueError):
    """A body with a character that XML 1.0 cannot hold."""

    shape = query_code = "InvalidMessageContents"

    def __init__(self) -> None:
        super().__init__(CHARACTERS)


class ReceiptHandleIsInvalid(QueueError):
    """Garbage, or a handle of another queue."""

    shape = query_code = "ReceiptHandleIsInvalid"

    def __init__(self, handle: str) -> None:
        super().__init__(f'The input receipt handle "{handle}" is not a valid receipt handle.')


class ReceiptHandleIsForeign(ReceiptHandleIsInvalid):
    """A handle of another queue. A batch has another text for it: `batch_text`."""

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.batch_text = f'The receipt handle "{handle}" is not valid for this queue.'


class ReceiptHandleExpired(InvalidParameterValue):
    """FIFO: the visibility timeout of this handle's receive has ended. A batch has another code and text for it."""

    def __init__(self, handle: str) -> None:
        super().__init__(
            f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        )


class OverLimit(QueueError):
    """120,000 messages of a standard queue are in flight, and the receive is a short poll."""

    shape = query_code = "OverLimit"
    status = 403


class EmptyBatchRequest(QueueError):
    """A batch without entries; `entry` is the entry's name in the Query protocol."""

    shape = "EmptyBatchRequest"
    query_code = f"{_PREFIX}EmptyBatchRequest"

    def __init__(self, entry: str) -> None:
        super().__init__(f"There should be at least one {entry} in the request.")


class TooManyEntriesInBatchRequest(QueueError):
    """More than 10."""

    shape = "TooManyEntriesInBatchRequest"
    query_code = f"{_PREFIX}TooManyEntriesInBatchRequest"

    def __init__(self, count: int) -> None:
        super().__init__(f"Maximum number of entries per request are 10. You have sent {count}.")


class BatchEntryIdsNotDistinct(QueueError):
    """Two entries with one id."""

    shape = "BatchEntryIdsNotDistinct"
    query_code = f"{_PREFIX}BatchEntryIdsNotDistinct"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"Id {entry_id} repeated.")


class InvalidBatchEntryId(QueueError):
    """An entry's id is not 1 to 80 of `A-Z a-z 0-9 - _`."""

    shape = "InvalidBatchEntryId"
    query_code = f"{_PREFIX}InvalidBatchEntryId"

    def __init__(self) -> None:
        super().__init__(
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long."
        )


class BatchRequestTooLong(QueueError):
    """Bodies and attributes of all entries together are above 1 MiB."""

    shape = "BatchRequestTooLong"
    query_code = f"{_PREFIX}BatchRequestTooLong"

    def __init__(self, size: int) -> None:
        super().__init__(f"Batch requests cannot be longer than 1048576 bytes. You have sent {size} bytes.")


class UnsupportedOperation(QueueError):
    """What SQS declares but does not serve: lists as attribute values."""

    shape = "UnsupportedOperation"
    query_code = f"{_PREFIX}UnsupportedOperation"
