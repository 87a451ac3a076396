"""Redrive policies: which queue takes the dead letters of which, after how many receives, and who may name whom.

Source: SQS API reference, SetQueueAttributes, RedrivePolicy and RedriveAllowPolicy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from patterns.queue.arn import queue_of
from patterns.queue.errors import InvalidParameterValue
from patterns.queue.json_map import json_map

RECEIVES_MAX = 1_000
"""Largest maxReceiveCount."""
SOURCES_MAX = 10
"""Source queues that a RedriveAllowPolicy may name."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """A message that was given out `receives_max` times goes to the queue `target`, an ARN."""

    target: str
    receives_max: int


@dataclass(frozen=True, slots=True)
class RedriveAllow:
    """Which queues may name this one as their target: all (`sources` None), or these ARNs."""

    sources: frozenset[str] | None = None

    def permits(self, source: str) -> bool:
        return self.sources is None or source in self.sources


Lookup = Callable[[str], RedriveAllow | None]
"""What the queue of an ARN allows; None: no such queue in this account and region."""


def parse_redrive(text: str) -> Redrive | None:
    """A RedrivePolicy; the empty text is none. Raises InvalidParameterValue. Whether the target exists: `check_target`."""
    if not text:
        return None
    fields = json_map(text)
    if fields is None:
        raise _refused(text, "Redrive policy is not a valid JSON map.")
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in fields:
            raise _refused(text, f"Redrive policy does not contain mandatory attribute: {name}.")
    count = str(fields["maxReceiveCount"])
    if not (count.isascii() and count.isdigit() and len(count) <= 9 and 1 <= int(count) <= RECEIVES_MAX):
        reason = f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
        raise _refused(text, reason)
    target = str(fields["deadLetterTargetArn"])
    if queue_of(target) is None:
        raise _refused(text, "Invalid value for deadLetterTargetArn.")
    return Redrive(target, int(count))


def parse_allow(text: str) -> RedriveAllow:
    """A RedriveAllowPolicy; the empty text allows all. Raises InvalidParameterValue, whose texts are guesses."""
    if not text:
        return RedriveAllow()
    fields = json_map(text)
    if fields is None:
        raise _allow_refused(text, "Redrive allow policy is not a valid JSON map.")
    permission = fields.get("redrivePermission")
    if permission not in ("allowAll", "denyAll", "byQueue"):  # a tuple: what a client sent may have no hash
        raise _allow_refused(text, "redrivePermission must be one of allowAll, denyAll, byQueue.")
    arns = fields.get("sourceQueueArns")
    if permission != "byQueue":
        if arns is not None:
            raise _allow_refused(text, "sourceQueueArns is only allowed with redrivePermission byQueue.")
        return RedriveAllow(None if permission == "allowAll" else frozenset())
    return RedriveAllow(_sources(text, arns))


def _sources(text: str, arns: object) -> frozenset[str]:
    listed = cast("Sequence[Any]", arns) if isinstance(arns, list) else ()
    if not 1 <= len(listed) <= SOURCES_MAX or not all(isinstance(arn, str) for arn in listed):
        raise _allow_refused(text, f"sourceQueueArns must be a list of 1 to {SOURCES_MAX} ARNs.")
    return frozenset(str(arn) for arn in listed)


def check_target(text: str, source: str, lookup: Lookup) -> Redrive | None:
    """The RedrivePolicy `text` of the queue `source` (an ARN), judged whole.

    Raises InvalidParameterValue: form, no such target, a target of another type, a target that does not allow it.
    """
    redrive = parse_redrive(text)
    if redrive is None:
        return None
    allow = lookup(redrive.target)
    if allow is None:
        raise _refused(text, "Dead letter target does not exist.")
    if redrive.target.endswith(".fifo") != source.endswith(".fifo"):
        raise _refused(text, "Dead-letter queue must be same type of queue as the source.")
    if not allow.permits(source):  # the text is a guess
        raise _refused(text, "Dead letter target does not allow this queue as a source.")
    return redrive


def _refused(text: str, reason: str) -> InvalidParameterValue:
    return InvalidParameterValue.of("RedrivePolicy", text, reason)


def _allow_refused(text: str, reason: str) -> InvalidParameterValue:
    return InvalidParameterValue.of("RedriveAllowPolicy", text, reason)
