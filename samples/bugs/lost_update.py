"""Lost update: two tellers read the balance, wait, and write what they have computed; one deposit is gone.

Mended: the sum is done where the balance is, in one turn.
"""

import trio
from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System


class Read(Message[int]):
    pass


class Write(Message[None]):
    balance: int


class Add(Message[None]):
    amount: int


class Vault(Actor[Read | Write | Add]):
    balance = 0

    @receive(Read)
    def on_read(self, _: Read) -> int:
        return self.balance

    @receive(Write)
    def on_write(self, message: Write) -> None:
        self.balance = message.balance

    @receive(Add)
    def on_add(self, message: Add) -> None:
        self.balance += message.amount


class Deposit(Message[None]):
    amount: int


class Teller(Actor[Deposit]):
    def __init__(self, vault: Ref[Read | Write | Add]) -> None:
        self.vault = vault

    @receive(Deposit)
    async def on_deposit(self, message: Deposit) -> None:
        await self.pay_in(message.amount)

    async def pay_in(self, amount: int) -> None:
        balance = await self.vault.ask(Read())
        await self.vault.ask(Write(balance=balance + amount))


class CarefulTeller(Teller):
    @override
    async def pay_in(self, amount: int) -> None:
        await self.vault.ask(Add(amount=amount))


async def deposits(system: System, teller: type[Teller]) -> None:
    vault = system.spawn(Spec(Vault, name="vault"))
    async with trio.open_nursery() as nursery:
        for name, amount in (("ann", 1), ("bob", 10)):
            nursery.start_soon(system.spawn(Spec(teller, (vault,), name=name)).ask, Deposit(amount=amount))
    balance = await vault.ask(Read())
    assert balance == 11, f"1 and 10 were paid in, {balance} is there"


async def wrong(system: System) -> None:
    await deposits(system, Teller)


async def fixed(system: System) -> None:
    await deposits(system, CarefulTeller)
