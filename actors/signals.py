"""Messages that the runtime itself sends to an actor which asked for them."""

from actors.actor import StopReason
from actors.address import Address
from actors.message import Message


class Terminated(Message[None]):
    """An actor that was watched has ended for good; NOT_THERE: it was not there when the watch began."""

    address: Address
    reason: StopReason


class ReceiveTimeout(Message[None]):
    """No message has come for as long as `ctx.receive_timeout` says; the actor's own timers do not count."""
