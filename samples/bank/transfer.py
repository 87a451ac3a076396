"""A transfer: a debit and a credit, or a debit that is taken back."""

from typing import Any, ClassVar, Literal

from typing_extensions import override

from actors import Address, Message, receive
from actors.errors import ActorError
from actors.event_sourced import EventSourced
from actors.records import Record
from actors.reliable import ReliableActor, Sends
from samples.bank.account import Confirm, Credit, Debit, Refund

Step = Literal["unknown", "asked for", "debited", "giving back", "done", "refused", "given back"]
NEXT: dict[Step, Step] = {"asked for": "debited", "debited": "done", "giving back": "given back"}
"""After a Confirm."""


class Transfer(Message[None]):
    """Said again to the same address it does nothing: the address is the transfer's identity."""

    source: Address
    target: Address
    amount: int


class GetProgress(Message[str]):
    pass


class Began(Record):
    source: Address
    target: Address
    amount: int


class Reached(Record):
    step: Step
    why: str = ""


class Progress(Record):
    order: Began | None = None
    step: Step = "unknown"
    why: str = ""


SagaMessage = Transfer | GetProgress | Confirm


class Saga(EventSourced[SagaMessage, Progress, Began | Reached], ReliableActor[SagaMessage]):
    """One transfer. It knows at any time how far it has come, and so does who starts again after a crash."""

    sends: ClassVar[Sends] = (Debit, Credit, Refund)

    @override
    def fresh(self) -> Progress:
        return Progress()

    @override
    def apply(self, state: Progress, event: Began | Reached) -> Progress:
        if isinstance(event, Began):
            return Progress(order=event, step="asked for")
        return Progress(order=state.order, step=event.step, why=event.why or state.why)

    @receive(Transfer)
    def on_transfer(self, message: Transfer) -> None:
        if self.state.order is None:
            self.send(message.source, Debit(transfer=self.ctx.address, amount=message.amount))
            self.persist(Began(source=message.source, target=message.target, amount=message.amount))

    @receive(Confirm)
    def on_confirm(self, _: Confirm) -> None:
        order, step = self.order, NEXT[self.state.step]
        if step == "debited":
            self.send(order.target, Credit(transfer=self.ctx.address, amount=order.amount))
        self.persist(Reached(step=step))

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        """A debit that is refused ends it; a credit that is refused is compensated."""
        if isinstance(message, Debit):
            self.persist(Reached(step="refused", why=str(why)))
        else:
            self.send(self.order.source, Refund(transfer=self.ctx.address, amount=self.order.amount))
            self.persist(Reached(step="giving back", why=str(why)))

    @receive(GetProgress)
    def on_get_progress(self, _: GetProgress) -> str:
        return f"{self.state.step}: {self.state.why}" if self.state.why else self.state.step

    @property
    def order(self) -> Began:
        assert self.state.order is not None
        return self.state.order
