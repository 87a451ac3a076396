"""A teller deals random transfers to accounts; each debits, asks the target to credit, and answers: asks in a circle.

The ask is a tell with an answer to come: an account that waited in its turn would soon wait for itself.
"""

from actors import Actor, Address, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import UNDER_WAY, draw, other


class Debit(Message[None]):
    amount: int
    target: int


class Credit(Message[None]):
    amount: int
    source: int


class Credited(Message[None]):
    pass


class Done(Message[None]):
    pass


class Open(Message[int]):
    pass


class Account(Actor[Debit | Credit | Credited]):
    def __init__(
        self, number: int, accounts: list[Ref[Debit | Credit | Credited]], teller: Ref[Done]
    ) -> None:
        self.number, self.accounts, self.teller, self.balance = number, accounts, teller, 0

    @receive(Debit)
    def on_debit(self, message: Debit) -> None:
        self.balance -= message.amount
        self.ctx.tell(self.accounts[message.target], Credit(amount=message.amount, source=self.number))

    @receive(Credit)
    def on_credit(self, message: Credit) -> None:
        self.balance += message.amount
        self.ctx.tell(self.accounts[message.source], Credited())

    @receive(Credited)
    def on_credited(self, message: Credited) -> None:
        self.ctx.tell(self.teller, Done())


class Teller(Actor[Open | Done]):
    def __init__(self, accounts: list[Ref[Debit | Credit | Credited]], transfers: int) -> None:
        self.accounts, self.transfers = accounts, transfers
        self.dealt = self.done = 0

    @receive(Open)
    def on_open(self, message: Open) -> Deferred[int]:
        for _ in range(min(UNDER_WAY, self.transfers)):
            self.deal()
        return self.ctx.defer("end")

    @receive(Done)
    def on_done(self, message: Done) -> None:
        self.done += 1
        if self.done == self.transfers:
            self.ctx.resolve("end", self.done)
        elif self.dealt < self.transfers:
            self.deal()

    def deal(self) -> None:
        source = draw(self.dealt, len(self.accounts))
        target = other(source, len(self.accounts), self.dealt)
        self.dealt += 1
        self.ctx.tell(self.accounts[source], Debit(amount=1 + source, target=target))


async def callboard(system: System, watch: Stopwatch, accounts: int, transfers: int) -> int:
    refs: list[Ref[Debit | Credit | Credited]] = [
        system.ref(Address.of(f"account-{number}")) for number in range(accounts)
    ]
    teller = system.spawn(Spec(Teller, (refs, transfers)))
    for number in range(accounts):
        system.spawn(Spec(Account, (number, refs, teller), name=f"account-{number}"))
    with watch.running():
        return await teller.ask(Open())
