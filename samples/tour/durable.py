"""Durable: accounts that survive a crash, a restart of the program, and kill -9.

python -m samples.tour.durable [folder]
"""

import os
import sys
from functools import partial

import trio
from typing_extensions import override

from actors import Address, Intensity, Message, Spec, receive
from actors.errors import ActorCrashed
from actors.event_sourced import EventSourced
from actors.records import Record
from runtime import Pattern, SqliteStore, System, SystemClock

UNLUCKY = 13
ANN = Address.of("account", "ann")


class Deposit(Message[int]):
    """Answered with the balance, when it is on the disk."""

    amount: int


class Deposited(Record, version=1):
    amount: int


class Balance(Record):
    amount: int = 0


class Account(EventSourced[Deposit, Balance, Deposited]):
    @override
    def fresh(self) -> Balance:
        return Balance()

    @override
    def apply(self, state: Balance, event: Deposited) -> Balance:
        return Balance(amount=state.amount + event.amount)

    @receive(Deposit)
    def on_deposit(self, message: Deposit) -> int:
        self.persist(Deposited(amount=message.amount))
        if message.amount == UNLUCKY:
            raise ValueError("a bug")  # the turn has failed: what it has persisted never happened
        return self.state.amount


# Nobody spawns an account: writing to its address does, and a minute of silence ends it. Its restarts are counted
# for it alone: at the limit it stops, and the next message may try again after a backoff.
accounts = Pattern(
    "account", {"account": lambda _: Spec(Account, intensity=Intensity(restarts=3, within=30))}
)


async def deposit(folder: str, amounts: list[int], *, die: bool = False) -> None:
    store = SqliteStore(folder, SystemClock().now)
    async with System(patterns=[accounts], store=store) as system:
        for amount in amounts:
            try:
                print(f"{amount} deposited: {await system.ref(ANN).ask(Deposit(amount=amount))}", flush=True)
            except ActorCrashed as crash:
                print(f"{amount} not deposited: {crash}", flush=True)
        if die:
            os.kill(os.getpid(), 9)  # no goodbye, no cleanup: as a power cut would
    await store.aclose()


async def main(folder: str) -> None:
    await deposit(folder, [5, UNLUCKY, 7])
    print("another process:", flush=True)
    again = [sys.executable, "-m", "samples.tour.durable", "die", folder]
    died = await trio.run_process(again, check=False)
    print("killed by signal", -died.returncode)
    await deposit(folder, [100])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["die", folder]:
            trio.run(partial(deposit, folder, [10, 20], die=True))
        case [folder]:
            trio.run(main, folder)
        case _:
            trio.run(main, "callboard-data/tour")
