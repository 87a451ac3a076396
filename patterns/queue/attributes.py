"""Attributes of a queue: judged, merged, compared and shown; and its name and tags.

A queue keeps what was set, as text, so that it reads back as it was given; `Settings` is what the queue acts on.
Source: SQS API reference, CreateQueue, SetQueueAttributes, GetQueueAttributes.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from patterns.queue.errors import (
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    MissingParameter,
    QueueNameExists,
)
from patterns.queue.policy_form import policy_fits
from patterns.queue.redrive import Redrive, parse_allow, parse_redrive

TAG_KEY_MAX = 128
"""Characters."""
TAG_VALUE_MAX = 256
"""Characters."""
TAGS_MAX = 50
"""Tags that one call adds; a queue may have more, which AWS advises against."""

_RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "SqsManagedSseEnabled": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_REMOVABLE = frozenset({"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"})
_AS_JSON = frozenset({"Policy", "RedrivePolicy", "RedriveAllowPolicy"})
_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
_FIFO_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
_SETTABLE = frozenset(_RANGES) | frozenset(_CHOICES) | _REMOVABLE
_READ_ONLY = frozenset(
    {
        "QueueArn",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    }
)
_KNOWN = _SETTABLE | _READ_ONLY | {"All", "FifoQueue"}
_REUSE_DEFAULT = "300"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo\Z")
_INTEGER = re.compile(r"[0-9]{1,9}\Z")
_TAG = re.compile(r"[\w\s.:/=+\-@]*\Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a queue acts on; times in seconds, sizes in bytes."""

    delay: int
    size_max: int
    retention: int
    wait: int
    visibility: int
    fifo: bool
    content_dedup: bool
    dedup_by_group: bool
    redrive: Redrive | None

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> "Settings":
        """Of attributes that were judged."""
        every = {**_DEFAULTS, **_FIFO_DEFAULTS, **attributes}
        return cls(
            delay=int(every["DelaySeconds"]),
            size_max=int(every["MaximumMessageSize"]),
            retention=int(every["MessageRetentionPeriod"]),
            wait=int(every["ReceiveMessageWaitTimeSeconds"]),
            visibility=int(every["VisibilityTimeout"]),
            fifo="FifoQueue" in every,
            content_dedup=every["ContentBasedDeduplication"] == "true",
            dedup_by_group=every["DeduplicationScope"] == "messageGroup",
            redrive=parse_redrive(every.get("RedrivePolicy", "")),
        )


# --- setting ----------------------------------------------------------------------------------------------


def for_new_queue(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """The attributes that a new queue of this name keeps. Whether a dead-letter target exists is the names' to say.

    Raises InvalidParameterValue (name, redrive policies), InvalidAttributeName, InvalidAttributeValue.
    """
    fifo = given.get("FifoQueue")
    if fifo == "false":
        raise InvalidAttributeName.unknown("FifoQueue")
    if fifo not in {None, "true"}:
        raise InvalidAttributeValue.of("FifoQueue")
    check_name(name, fifo=fifo is not None)
    kept = {"FifoQueue": "true"} if fifo else {}
    return merged(kept, {key: value for key, value in given.items() if key != "FifoQueue"})


def check_name(name: str, *, fifo: bool) -> None:
    """1 to 80 of letters, digits, hyphen, underscore; a FIFO queue's ends with `.fifo`."""
    if fifo and not _FIFO_NAME.match(name):
        text = (
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length."
        )
        raise InvalidParameterValue(text)
    if not fifo and not _NAME.match(name):
        text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        raise InvalidParameterValue(text)


def merged(current: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The attributes after SetQueueAttributes: all of `given`, or a refusal.

    Raises InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue (redrive policies).
    """
    fifo = "FifoQueue" in current
    after = dict(current)
    for name, value in given.items():
        _check_settable(name, value, fifo=fifo)
        if name == "FifoQueue":
            continue
        judged = _judged(name, value)
        if judged:
            after[name] = judged
        else:
            after.pop(name, None)
    _check_throughput(after)
    _choose_encryption(after, given)
    return after


def _check_settable(name: str, value: str, *, fifo: bool) -> None:
    if name == "FifoQueue" and fifo:
        if value != "true":
            raise InvalidAttributeValue.of("FifoQueue", "Modifying queue type is not supported.")
        return
    if name not in _SETTABLE or (name == "ContentBasedDeduplication" and not fifo):
        raise InvalidAttributeName.unknown(name)
    if name in _FIFO_DEFAULTS and not fifo:
        text = f"You can specify the {name} only when FifoQueue is set to true."
        raise InvalidAttributeName(text)


def _judged(name: str, value: str) -> str:
    if name in _RANGES:
        low, high = _RANGES[name]
        if not _INTEGER.match(value) or not low <= int(value) <= high:
            raise InvalidAttributeValue.of(name)
        return str(int(value))
    if name in _CHOICES and value not in _CHOICES[name]:
        raise InvalidAttributeValue.of(name)
    if name == "Policy" and value and not policy_fits(value):
        raise InvalidAttributeValue.of("Policy")
    if name == "RedrivePolicy":
        parse_redrive(value)
    if name == "RedriveAllowPolicy":
        parse_allow(value)
    return value


def _check_throughput(attributes: Mapping[str, str]) -> None:
    per_group = attributes.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and attributes.get("DeduplicationScope") != "messageGroup":
        text = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
        raise InvalidAttributeValue(text)


def _choose_encryption(after: dict[str, str], given: Mapping[str, str]) -> None:
    """A KMS key and SQS's own encryption exclude each other: the one that was given last wins."""
    key, own = given.get("KmsMasterKeyId"), given.get("SqsManagedSseEnabled")
    if key and own == "true":
        text = (
            "You can use one type of server-side encryption (SSE) at one time. "
            "You can either enable KMS SSE or SQS SSE."
        )
        raise InvalidAttributeValue(text)
    if key:
        after["SqsManagedSseEnabled"] = "false"
    elif key == "" and own is None:
        after["SqsManagedSseEnabled"] = "true"
    elif own == "true":
        after.pop("KmsMasterKeyId", None)


def check_same(current: Mapping[str, str], given: Mapping[str, str]) -> None:
    """CreateQueue again: every given attribute equals the queue's own. Raises QueueNameExists."""
    every = {**_DEFAULTS, **_FIFO_DEFAULTS, "KmsDataKeyReusePeriodSeconds": _REUSE_DEFAULT, **current}
    for name, value in given.items():
        if _comparable(name, value) != _comparable(name, every.get(name, "")):
            raise QueueNameExists(name)


def _comparable(name: str, value: str) -> object:
    if name in _RANGES and _INTEGER.match(value):
        return int(value)
    if name == "RedrivePolicy":  # maxReceiveCount may be a number or a text
        return parse_redrive(value)
    return json.loads(value) if name in _AS_JSON and value else value


# --- showing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of a queue by what they are at one moment; together they are all that is stored."""

    visible: int
    in_flight: int
    delayed: int


def shown(
    names: Iterable[str],
    attributes: Mapping[str, str],
    counts: Counts,
    *,
    arn: str,
    created_at: float,
    modified_at: float,
) -> dict[str, str]:
    """What GetQueueAttributes answers. Raises InvalidAttributeName."""
    asked = tuple(names)
    for name in asked:
        if name not in _KNOWN:
            raise InvalidAttributeName.unknown(name)
    every = {**_DEFAULTS, **(_FIFO_DEFAULTS if "FifoQueue" in attributes else {}), **attributes}
    every["QueueArn"] = arn
    every["CreatedTimestamp"] = str(int(created_at))
    every["LastModifiedTimestamp"] = str(int(modified_at))
    every["ApproximateNumberOfMessages"] = str(counts.visible)
    every["ApproximateNumberOfMessagesNotVisible"] = str(counts.in_flight)
    every["ApproximateNumberOfMessagesDelayed"] = str(counts.delayed)
    if "All" not in asked:
        return {name: every[name] for name in asked if name in every}
    if every.get("KmsDataKeyReusePeriodSeconds") == _REUSE_DEFAULT:
        del every["KmsDataKeyReusePeriodSeconds"]
    return every


# --- tags -------------------------------------------------------------------------------------------------


def check_tags(tags: Mapping[str, str]) -> None:
    """Form of tags. Raises InvalidParameterValue, whose texts are guesses."""
    for key, value in tags.items():
        _check_tag_key(key)
        if len(value) > TAG_VALUE_MAX:
            raise InvalidParameterValue(
                f"Tag values must be between 0 and {TAG_VALUE_MAX} characters in length."
            )
        if key.lower().startswith("aws:"):
            raise InvalidParameterValue("Tag keys can't start with system reserved prefix aws:.")
        if not _TAG.match(key) or not _TAG.match(value):
            raise InvalidParameterValue(
                "Tag keys and values can only contain letters, digits, spaces and _.:/=+-@."
            )


def _check_tag_key(key: str) -> None:
    if not 1 <= len(key) <= TAG_KEY_MAX:
        raise InvalidParameterValue(f"Tag keys must be between 1 and {TAG_KEY_MAX} characters in length.")


def with_tags(current: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags after TagQueue. Raises MissingParameter (none given), InvalidParameterValue."""
    if not added:
        raise MissingParameter("Tags")
    check_tags(added)
    return {**current, **added}


def without_tags(current: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """The tags after UntagQueue; an absent key is no error. Raises InvalidParameterValue (none given, too long)."""
    for key in keys or [""]:
        _check_tag_key(key)
    return {key: value for key, value in current.items() if key not in keys}
