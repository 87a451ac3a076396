"""An account: what it has is the sum of what was booked."""

from typing import Any, ClassVar

from typing_extensions import override

from actors import Address, Message, receive
from actors.errors import ActorError
from actors.event_sourced import EventSourced
from actors.records import Record
from actors.reliable import ReliableActor, Sends


class NotEnough(Exception):
    """There is less in the account than is to be taken."""


class NotOpen(Exception):
    """Nobody has opened the account."""


class Open(Message[None]):
    """Said again it does nothing."""

    amount: int


class GetBalance(Message[int]):
    pass


class Debit(Message[None], raises=(NotEnough, NotOpen)):
    transfer: Address
    amount: int


class Credit(Message[None], raises=(NotOpen,)):
    transfer: Address
    amount: int


class Refund(Message[None]):
    """A debit is taken back. It has no refusal: a compensation that may fail compensates nothing."""

    transfer: Address
    amount: int


class Confirm(Message[None]):
    """From an account to a transfer: it is in my books."""


class Changed(Record):
    amount: int


class Books(Record):
    is_open: bool = False
    balance: int = 0


AccountMessage = Open | GetBalance | Debit | Credit | Refund


class Account(EventSourced[AccountMessage, Books, Changed], ReliableActor[AccountMessage]):
    """What it has is the sum of what has happened to it."""

    sends: ClassVar[Sends] = (Confirm,)

    @override
    def fresh(self) -> Books:
        return Books()

    @override
    def apply(self, state: Books, event: Changed) -> Books:
        return Books(is_open=True, balance=state.balance + event.amount)

    @receive(Open)
    def on_open(self, message: Open) -> None:
        if not self.state.is_open:
            self.persist(Changed(amount=message.amount))

    @receive(GetBalance)
    def on_get_balance(self, _: GetBalance) -> int:
        return self.state.balance

    @receive(Debit)
    def on_debit(self, message: Debit) -> None:
        self.check_open()
        if message.amount > self.state.balance:
            raise NotEnough(f"{self.ctx.address} has {self.state.balance}")
        self.book(message.transfer, -message.amount)

    @receive(Credit)
    def on_credit(self, message: Credit) -> None:
        self.check_open()
        self.book(message.transfer, message.amount)

    @receive(Refund)
    def on_refund(self, message: Refund) -> None:
        self.book(message.transfer, message.amount)

    def check_open(self) -> None:
        if not self.state.is_open:
            raise NotOpen(f"{self.ctx.address} is not open")

    def book(self, transfer: Address, amount: int) -> None:
        """The change and the word of it are one commit: no crash leaves one without the other."""
        self.send(transfer, Confirm())  # first: a full outbox refuses before anything has changed
        self.persist(Changed(amount=amount))

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        """A transfer refuses no Confirm."""
