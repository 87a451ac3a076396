"""A day at the bank, and the same day again and again with the power cut at each of its effects.

python -m samples.bank.day
"""

import trio

from actors import Address, Spec
from runtime import Pattern, System, simulate
from runtime.store import Disk
from samples.bank.bank import Account, GetBalance, GetProgress, Open, Saga, Transfer

BANK = Pattern("bank", {"account": lambda _: Spec(Account), "transfer": lambda _: Spec(Saga)})
ALICE, BOB, NOBODY = (Address.of("account", name) for name in ("alice", "bob", "nobody"))
ORDERS = [(ALICE, BOB, 30), (BOB, ALICE, 500), (ALICE, NOBODY, 20), (BOB, ALICE, 5)]
TRANSFERS = [Address.of("transfer", str(number)) for number in range(len(ORDERS))]


async def morning(system: System) -> None:
    await system.ref(ALICE).ask(Open(amount=100))
    await system.ref(BOB).ask(Open(amount=50))


async def day(system: System) -> None:
    """All orders at once; a little later what they lead to has been done."""
    async with trio.open_nursery() as nursery:
        for address, (source, target, amount) in zip(TRANSFERS, ORDERS, strict=True):
            nursery.start_soon(system.ref(address).ask, Transfer(source=source, target=target, amount=amount))
    await trio.sleep(1)


async def evening(system: System) -> tuple[list[str], list[int]]:
    """How far the transfers have come, and the balances, when everything has had time to come back."""
    await trio.sleep(120)
    progress = [await system.ref(transfer).ask(GetProgress()) for transfer in TRANSFERS]
    return progress, [await system.ref(account).ask(GetBalance()) for account in (ALICE, BOB, NOBODY)]


def run(*, crash_at: int | None = None) -> tuple[list[str], list[int], int]:
    """A bank of its own: the evening on what the disk has kept of the day, and how many effects the day had."""
    disk = Disk()
    simulate(morning, seed=1, patterns=[BANK], disk=disk)
    steps = simulate(day, seed=1, patterns=[BANK], disk=disk, crash_at=crash_at).steps
    return *simulate(evening, seed=1, patterns=[BANK], disk=disk).result, steps


if __name__ == "__main__":
    said, balances, effects = run()
    print(*said, balances, sep="\n")
    sums = {sum(run(crash_at=step)[1]) for step in range(1, effects + 1)}
    print(f"the power was cut at each of {effects} effects; what all have together: {sums}")
