"""The actor model alone: message, ref, mailbox, actor, supervision policy. No I/O, no clock, no chance."""

from actors.actor import Activated, Actor, Context, Fresh, Restarted, Spec, StartReason, StopReason
from actors.address import Address
from actors.handlers import receive
from actors.mailbox import Overflow
from actors.message import Deferred, Message
from actors.ref import Ref
from actors.supervision import Backoff, Directive, Intensity, Restart

__all__ = [
    "Activated",
    "Actor",
    "Address",
    "Backoff",
    "Context",
    "Deferred",
    "Directive",
    "Fresh",
    "Intensity",
    "Message",
    "Overflow",
    "Ref",
    "Restart",
    "Restarted",
    "Spec",
    "StartReason",
    "StopReason",
    "receive",
]
