"""A day at the bank, and the same day again and again with the power cut at each of its effects.

python -m samples.bank.day
"""

from dataclasses import dataclass

import trio

from actors import Address, Spec
from runtime import Pattern, System, simulate
from runtime.store import Disk
from samples.bank.account import Account, GetBalance, Open
from samples.bank.transfer import GetProgress, Saga, Transfer

BANK = Pattern("bank", {"account": lambda _: Spec(Account), "transfer": lambda _: Spec(Saga)})
ALICE, BOB, NOBODY = (Address.of("account", name) for name in ("alice", "bob", "nobody"))
OPENED = {ALICE: 100, BOB: 50}
ORDERS = [(ALICE, BOB, 30), (BOB, ALICE, 500), (ALICE, NOBODY, 20), (BOB, ALICE, 5)]
TRANSFERS = [Address.of("transfer", str(number)) for number in range(len(ORDERS))]


@dataclass(frozen=True)
class Evening:
    balances: dict[Address, int]
    progress: dict[Address, str]
    steps: int
    """Numbered effects of the day."""
    crashed: bool


async def morning(system: System) -> None:
    for account, amount in OPENED.items():
        await system.ref(account).ask(Open(amount=amount))


async def day(system: System) -> None:
    """All orders at once; a little later what they lead to has been done."""
    async with trio.open_nursery() as nursery:
        for address, (source, target, amount) in zip(TRANSFERS, ORDERS, strict=True):
            order = Transfer(source=source, target=target, amount=amount)
            nursery.start_soon(system.ref(address).ask, order)
    await trio.sleep(1)


async def evening(system: System) -> tuple[dict[Address, int], dict[Address, str]]:
    """The balances, and how far the transfers have come, when everything has had time to come back."""
    await trio.sleep(120)
    balances = {account: await system.ref(account).ask(GetBalance()) for account in (*OPENED, NOBODY)}
    return balances, {transfer: await system.ref(transfer).ask(GetProgress()) for transfer in TRANSFERS}


def run(*, crash_at: int | None = None) -> Evening:
    """A bank of its own: opened, the day with or without a crash, and the evening on what the disk has kept."""
    disk = Disk()
    simulate(morning, seed=1, patterns=[BANK], disk=disk)
    whole = simulate(day, seed=1, patterns=[BANK], disk=disk, crash_at=crash_at)
    balances, progress = simulate(evening, seed=1, patterns=[BANK], disk=disk).result
    return Evening(balances, progress, whole.steps, whole.crashed)


def main() -> None:
    quiet = run()
    for address, said in (*quiet.progress.items(), *quiet.balances.items()):
        print(f"{address}: {said}")
    sums = {sum(run(crash_at=step).balances.values()) for step in range(1, quiet.steps + 1)}
    print(f"the power was cut at each of {quiet.steps} effects; what all have together: {sums}")


if __name__ == "__main__":
    main()
