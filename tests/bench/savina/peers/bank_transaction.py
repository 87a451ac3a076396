"""The same by the peers: see `ours/bank_transaction.py`."""

from collections.abc import Iterator
from typing import Any

from tests.bench.savina import told
from tests.bench.savina.programs import UNDER_WAY, draw, other


class Account:
    def __init__(self, number: int) -> None:
        self.number, self.balance = number, 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        kind, amount, account = message
        if kind == "debit":
            self.balance -= amount
            yield f"account-{account}", ("credit", amount, self.number)
        elif kind == "credit":
            self.balance += amount
            yield f"account-{account}", ("credited", amount, self.number)
        else:
            yield "teller", ("done",)


class Teller:
    def __init__(self, accounts: int, transfers: int) -> None:
        self.accounts, self.transfers = accounts, transfers
        self.dealt = self.done = 0

    def hear(self, message: Any) -> Iterator[told.Told]:
        if message[0] == "open":
            for _ in range(min(UNDER_WAY, self.transfers)):
                yield self.deal()
            return
        self.done += 1
        if self.done == self.transfers:
            yield "end", self.done
        elif self.dealt < self.transfers:
            yield self.deal()

    def deal(self) -> told.Told:
        source = draw(self.dealt, self.accounts)
        target = other(source, self.accounts, self.dealt)
        self.dealt += 1
        return f"account-{source}", ("debit", 1 + source, target)


def cast(accounts: int, transfers: int) -> tuple[dict[str, told.Part], list[told.Told]]:
    parts = {f"account-{number}": Account(number) for number in range(accounts)}
    return {"teller": Teller(accounts, transfers), **parts}, [("teller", ("open",))]


pykka, thespian, xoscar = told.pykka(cast), told.thespian(cast), told.xoscar(cast)
