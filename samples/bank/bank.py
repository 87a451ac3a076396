"""Accounts, and transfers between them: a debit and a credit, or a debit that is taken back."""

from typing import Any, ClassVar, Literal

from typing_extensions import override

from actors import Address, Message, receive
from actors.errors import ActorError
from actors.event_sourced import EventSourced
from actors.records import Record
from actors.reliable import ReliableActor, Sends

Step = Literal["unknown", "asked for", "debited", "giving back", "done", "refused", "given back"]
CONFIRMED: dict[Step, Step] = {"asked for": "debited", "debited": "done", "giving back": "given back"}
REFUSED: dict[Step, Step] = {"asked for": "refused", "debited": "giving back"}  # who gives back never is


class NotBooked(Exception):
    """The account is not open, or there is less in it than is to be taken."""


class Open(Message[None]):
    amount: int


class GetBalance(Message[int]):
    pass


class Book(Message[None], raises=(NotBooked,)):
    """A credit, or by a negative amount a debit; `Confirm` goes to the transfer. An open account refuses no credit."""

    transfer: Address
    amount: int


class Confirm(Message[None]):
    """From an account to a transfer: it is in my books."""


class Changed(Record):
    amount: int


class Books(Record):
    is_open: bool = False
    balance: int = 0


class Account(
    EventSourced[Open | GetBalance | Book, Books, Changed], ReliableActor[Open | GetBalance | Book]
):
    sends: ClassVar[Sends] = (Confirm,)

    @override
    def fresh(self) -> Books:
        return Books()

    @override
    def apply(self, state: Books, event: Changed) -> Books:
        return Books(is_open=True, balance=state.balance + event.amount)

    @receive(Open)
    def on_open(self, message: Open) -> None:
        if not self.state.is_open:  # said again it does nothing
            self.persist(Changed(amount=message.amount))

    @receive(GetBalance)
    def on_get_balance(self, _: GetBalance) -> int:
        return self.state.balance

    @receive(Book)
    def on_book(self, message: Book) -> None:
        if not self.state.is_open or self.state.balance + message.amount < 0:
            raise NotBooked(f"{self.ctx.address}: {self.state}")
        # The change and the word of it are one commit: no crash leaves one without the other.
        self.send(message.transfer, Confirm())  # first: a full outbox refuses before anything has changed
        self.persist(Changed(amount=message.amount))

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        """A transfer refuses no Confirm."""


class Transfer(Message[None]):
    """Said again to the same address it does nothing: the address is the transfer's identity."""

    source: Address
    target: Address
    amount: int


class GetProgress(Message[str]):
    pass


class Progress(Record):
    step: Step
    why: str = ""
    order: Transfer | None = None


class Reached(Progress):
    """The event says all that the state does."""


SagaMessage = Transfer | GetProgress | Confirm


class Saga(EventSourced[SagaMessage, Progress, Reached], ReliableActor[SagaMessage]):
    """One transfer. It knows at any time how far it has come, and so does who starts again after a crash."""

    sends: ClassVar[Sends] = (Book,)

    @override
    def fresh(self) -> Progress:
        return Progress(step="unknown")

    @override
    def apply(self, state: Progress, event: Reached) -> Progress:
        return Progress(step=event.step, why=event.why, order=event.order)

    @receive(Transfer)
    def on_transfer(self, message: Transfer) -> None:
        if self.state.order is None:
            self.go_on(message, "asked for")

    @receive(Confirm)
    def on_confirm(self, _: Confirm) -> None:
        if self.state.order:
            self.go_on(self.state.order, CONFIRMED[self.state.step])

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        """A debit that is refused ends it; a credit that is refused is compensated."""
        if self.state.order:
            self.go_on(self.state.order, REFUSED[self.state.step], str(why))

    def go_on(self, order: Transfer, step: Step, why: str = "") -> None:
        """A step, and the booking that it asks for, are one commit."""
        if step in CONFIRMED:  # it waits for an account's word
            account = order.target if step == "debited" else order.source
            amount = -order.amount if step == "asked for" else order.amount
            self.send(account, Book(transfer=self.ctx.address, amount=amount))
        self.persist(Reached(step=step, why=why or self.state.why, order=order))

    @receive(GetProgress)
    def on_get_progress(self, _: GetProgress) -> str:
        return f"{self.state.step}: {self.state.why}" if self.state.why else self.state.step
