"""The actor model alone: message, ref, mailbox, actor, supervision policy. No I/O, no clock, no chance."""

from actors.actor import Activated, Actor, Context, Fresh, Restarted, Spec, StartReason, StopReason
from actors.address import Address
from actors.behaviours import Elsewhere, enter
from actors.durable import Append, Delete, DurableActor, Put, Stored, WakeAt
from actors.event import Event, Key, Listing
from actors.handlers import receive, receive_any
from actors.mailbox import Overflow
from actors.message import Deferred, Message
from actors.of import actor_of
from actors.ref import Ref
from actors.signals import ReceiveTimeout, Terminated
from actors.supervision import AutoShutdown, Backoff, Directive, Drop, Intensity, Restart, Retry, Strategy

__all__ = [
    "Activated",
    "Actor",
    "Address",
    "Append",
    "AutoShutdown",
    "Backoff",
    "Context",
    "Deferred",
    "Delete",
    "Directive",
    "Drop",
    "DurableActor",
    "Elsewhere",
    "Event",
    "Fresh",
    "Intensity",
    "Key",
    "Listing",
    "Message",
    "Overflow",
    "Put",
    "ReceiveTimeout",
    "Ref",
    "Restart",
    "Restarted",
    "Retry",
    "Spec",
    "StartReason",
    "StopReason",
    "Stored",
    "Strategy",
    "Terminated",
    "WakeAt",
    "actor_of",
    "enter",
    "receive",
    "receive_any",
]
