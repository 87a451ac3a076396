"""What a request may hold: ranges, sizes, characters, ids. Each check raises the exact refusal of SQS.

Source: SQS API reference and developer guide, "Message quotas"; the order of checks is observed behaviour.
"""

import re
from collections.abc import Mapping, Sequence

from patterns.queue.errors import (
    CHARACTERS,
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    TooManyEntriesInBatchRequest,
    UnsupportedOperation,
)
from patterns.queue.messages import AttributeValue, SendEntry

DELAY_MAX = 900
"""Seconds."""
VISIBILITY_MAX = 43_200
"""Seconds from a receive on, all changes included."""
WAIT_MAX = 20
"""Seconds."""
RECEIVE_MAX = 10
"""Messages of one receive."""
BATCH_MAX = 10
"""Entries of one batch."""
BATCH_BYTES_MAX = 1_048_576
"""Bodies and attributes of one batch."""
IN_FLIGHT_MAX = 120_000
"""Messages of one queue."""
PAGE_MAX = 1_000
"""Names of one page of ListQueues and ListDeadLetterSourceQueues."""
ATTRIBUTES_MAX = 10
"""Attributes of one message."""
ATTRIBUTE_NAME_MAX = 256
"""Bytes; of a data type too."""
TRACE_MAX = 1_024
"""Characters of a trace header. SQS names no limit; Step Functions takes 256 and EventBridge 500 of the same header."""

_BAD_CHARACTER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_FIFO_ID = re.compile(r"[!-~]{1,128}\Z")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\Z", re.ASCII)
_FORBIDDEN_NAME = (
    "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
    "These strings are reserved for internal use. Additionally, they cannot start or end with '.'."
)


# --- batches ----------------------------------------------------------------------------------------------


def check_batch(entry: str, ids: Sequence[str]) -> None:
    """Count, form and uniqueness of a batch's ids; `entry` is the entry's name in the Query protocol."""
    if not ids:
        raise EmptyBatchRequest(entry)
    if len(ids) > BATCH_MAX:
        raise TooManyEntriesInBatchRequest(len(ids))
    seen: set[str] = set()
    for entry_id in ids:
        if not _ENTRY_ID.match(entry_id):
            raise InvalidBatchEntryId
        if entry_id in seen:
            raise BatchEntryIdsNotDistinct(entry_id)
        seen.add(entry_id)


def check_batch_size(entries: Sequence[SendEntry]) -> None:
    """Raises BatchRequestTooLong; the queue's own limit is for each message."""
    total = sum(size_of(entry) for entry in entries)
    if total > BATCH_BYTES_MAX:
        raise BatchRequestTooLong(total)


def size_of(entry: SendEntry) -> int:
    """What counts against the limits: the body, and name, type and value of each attribute; no system attribute."""
    size = _bytes(entry.body)
    for name, value in entry.attributes.items():
        content = _bytes(value.string) if value.string else len(value.binary or b"")
        size += _bytes(name) + _bytes(value.data_type) + content
    return size


def _bytes(text: str) -> int:
    # a lone surrogate must reach the check of characters, and be refused there
    return len(text.encode("utf-8", "surrogatepass"))


# --- a message --------------------------------------------------------------------------------------------


def check_message(entry: SendEntry, size_max: int, *, fifo: bool, content_dedup: bool) -> None:
    """All that a send judges of one message, in the order of SQS."""
    body = entry.body
    if not body:
        raise MissingParameter("MessageBody")
    if (len(body) * 4 > size_max or entry.attributes) and size_of(entry) > size_max:
        reason = f"Reason: Message must be shorter than {size_max} bytes."
        raise InvalidParameterValue(f"One or more parameters are invalid. {reason}")
    # nearly every body is printable ASCII, which is known in a fifth of the search's time
    if not (body.isascii() and body.isprintable()) and _BAD_CHARACTER.search(body):
        raise InvalidMessageContents
    if entry.attributes:
        check_attributes(entry.attributes)
    if entry.system_attributes:
        _check_system_attributes(entry.system_attributes)
    _check_fifo_id("MessageDeduplicationId", entry.dedup_id)
    _check_fifo_id("MessageGroupId", entry.group)
    if fifo:
        _check_fifo_message(entry, content_dedup=content_dedup)
    else:
        _check_standard_message(entry)


def _check_fifo_id(parameter: str, value: str | None) -> None:
    if value is not None and not _FIFO_ID.match(value):
        reason = f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise InvalidParameterValue.of(parameter, value, reason)


def _check_fifo_message(entry: SendEntry, *, content_dedup: bool) -> None:
    if entry.delay:
        reason = "The request include parameter that is not valid for this queue type."
        raise InvalidParameterValue.of("DelaySeconds", entry.delay, reason)
    check_fifo_ids(entry, content_dedup=content_dedup)


def check_fifo_ids(entry: SendEntry, *, content_dedup: bool) -> None:
    """A message of a FIFO queue has a group, and an id to tell it from its repetitions."""
    if entry.group is None:
        raise MissingParameter("MessageGroupId")
    if entry.dedup_id is None and not content_dedup:
        text = (
            "The queue should either have ContentBasedDeduplication enabled "
            "or MessageDeduplicationId provided explicitly"
        )
        raise InvalidParameterValue(text)


def _check_standard_message(entry: SendEntry) -> None:
    if entry.dedup_id is not None:
        reason = "The request includes a parameter that is not valid for this queue type."
        raise InvalidParameterValue.of("MessageDeduplicationId", entry.dedup_id, reason)
    if entry.delay is not None and not 0 <= entry.delay <= DELAY_MAX:
        reason = f"DelaySeconds must be >= 0 and <= {DELAY_MAX}."
        raise InvalidParameterValue.of("DelaySeconds", entry.delay, reason)


# --- attributes of a message ------------------------------------------------------------------------------


def check_attributes(attributes: Mapping[str, AttributeValue]) -> None:
    """Number, names, types and values of a message's attributes."""
    if len(attributes) > ATTRIBUTES_MAX:
        text = f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        raise InvalidParameterValue(text)
    for name, value in attributes.items():
        _check_attribute_name(name)
        _check_attribute_value(name, value)


def _check_attribute_name(name: str) -> None:
    if _bytes(name) > ATTRIBUTE_NAME_MAX:
        raise InvalidParameterValue("Message (user) attribute names must be shorter than 256 Bytes")
    if not _ATTRIBUTE_NAME.match(name):
        text = (
            "Message (user) attributes name can only contain upper and lower score characters, "
            "digits, periods, hyphens and underscores. "
        )
        raise InvalidParameterValue(text)
    reserved = name.lower().startswith(("aws.", "amazon."))
    if reserved or name.startswith(".") or name.endswith(".") or ".." in name:
        raise InvalidParameterValue(_FORBIDDEN_NAME)


def _check_attribute_value(name: str, value: AttributeValue) -> None:
    if value.lists:  # declared in the API, not served by SQS; the text is a guess
        text = "Message attribute list values in SendMessage operation are not supported."
        raise UnsupportedOperation(text)
    kind = value.data_type.partition(".")[0]
    if (
        kind not in {"String", "Number", "Binary"}
        or _bytes(value.data_type) > ATTRIBUTE_NAME_MAX
        or _BAD_CHARACTER.search(value.data_type)
    ):
        text = (
            f"The message attribute '{name}' has an invalid message attribute type, "
            "the set of supported type prefixes is Binary, Number, and String."
        )
        raise InvalidParameterValue(text)
    wanted, other = (value.binary, value.string) if kind == "Binary" else (value.string, value.binary)
    if not wanted or other:
        text = (
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{value.data_type}'."
        )
        raise InvalidParameterValue(text)
    if value.string is not None and _BAD_CHARACTER.search(value.string):
        raise InvalidParameterValue(CHARACTERS)
    if kind == "Number" and not _is_number(value.string or ""):
        text = f"Can't cast the value of message (user) attribute '{name}' to a number."  # a guess
        raise InvalidParameterValue(text)


def _is_number(text: str) -> bool:
    """Up to 38 digits, -10^128 to 10^126."""
    match = _NUMBER.match(text)
    if match is None:
        return False
    mantissa = match.group(1)
    digits = mantissa.replace(".", "").lstrip("0")
    if not digits:
        return True
    exponent = int((match.group(2) or "e0")[1:])
    whole = mantissa.partition(".")[0]
    # of the leading digit, from 1
    magnitude = exponent + len(whole) - len(mantissa.replace(".", "")) + len(digits)
    limit = 128 if text.startswith("-") else 126
    exact_power = digits.rstrip("0") == "1"
    return len(digits) <= 38 and (magnitude <= limit or (magnitude == limit + 1 and exact_power))


def _check_system_attributes(attributes: Mapping[str, AttributeValue]) -> None:
    for name, value in attributes.items():
        if name != "AWSTraceHeader":  # the text is a guess
            raise InvalidParameterValue(f"Message system attribute name '{name}' is invalid.")
        if value.data_type != "String" or not value.string or value.binary:
            text = f"Message system attribute '{name}' must contain a non-empty value of type 'String'."
            raise InvalidParameterValue(text)
        if _BAD_CHARACTER.search(value.string):
            raise InvalidParameterValue(CHARACTERS)
        if len(value.string) > TRACE_MAX:
            text = f"Message system attribute '{name}' must be shorter than {TRACE_MAX + 1} characters."
            raise InvalidParameterValue(text)


def trace_of(header: str | None) -> str | None:
    """The request's X-Amzn-Trace-Id, if it can be one: nobody is refused for a header that he may not even have set."""
    if header and len(header) <= TRACE_MAX and header.isascii() and header.isprintable():
        return header
    return None


# --- receive, change visibility, pages --------------------------------------------------------------------


def check_receive(count: int, wait: int | None, visibility: int | None, attempt: str | None) -> None:
    """The ranges of a receive. `attempt` is judged by its form; a standard queue ignores it."""
    if not 1 <= count <= RECEIVE_MAX:
        reason = f"Must be between 1 and {RECEIVE_MAX}, if provided."
        raise InvalidParameterValue.of("MaxNumberOfMessages", count, reason)
    if wait is not None and not 0 <= wait <= WAIT_MAX:
        reason = f"Must be >= 0 and <= {WAIT_MAX}, if provided."
        raise InvalidParameterValue.of("WaitTimeSeconds", wait, reason)
    if visibility is not None:
        check_visibility(visibility)
    _check_fifo_id("ReceiveRequestAttemptId", attempt)


def check_visibility(timeout: int) -> None:
    """0 to 43,200 seconds."""
    if not 0 <= timeout <= VISIBILITY_MAX:
        reason = f"Must be >= 0 and <= {VISIBILITY_MAX}, if provided."
        raise InvalidParameterValue.of("VisibilityTimeout", timeout, reason)


def page_size(limit: int | None) -> int:
    """How many names a page has. Raises InvalidParameterValue."""
    if limit is None:
        return PAGE_MAX
    if not 1 <= limit <= PAGE_MAX:
        text = f"MaxResults must be an integer between 1 and {PAGE_MAX}."
        raise InvalidParameterValue(f"Value for parameter MaxResults is invalid. Reason: {text}")
    return limit
