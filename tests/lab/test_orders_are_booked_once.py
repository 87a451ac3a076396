"""A FIFO queue, its consumers and a ledger that lose power at each effect: no order lost, each booked once, in order.

The consumer books an order, then deletes its message; the ledger knows what it has booked. Two consumers with a bug stand
beside it, which the checkers must find.
"""

from collections.abc import Callable, Iterable
from functools import partial

import pytest
import trio
from typing_extensions import override

from actors import Address, Message, Ref, Spec, receive
from actors.event_sourced import EventSourced
from actors.records import Record
from patterns.queue.messages import (
    CreateQueue,
    DeleteMessage,
    NamesMessage,
    QueueDoesNotExist,
    QueueMessage,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from patterns.queue.pattern import pattern as queue_pattern
from runtime import Pattern, System
from runtime.lab.checkers import Delivered, Sent, exactly_once, fifo, no_loss
from runtime.lab.history import History, Operation, answered
from runtime.lab.simulation import START, simulate
from runtime.lab.verdict import PropertyFailed, require
from runtime.store import Disk
from tests.lab.queue_world import NAMES, queue_address

pytestmark = pytest.mark.lab

LEDGER = Address("/ledger/main")
QUEUE = "orders.fifo"
FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


class Book(Message[None]):
    order: str


class Look(Message[list[str]]):
    pass


class Booked(Record):
    order: str


class Books(Record):
    orders: tuple[str, ...] = ()


class Ledger(EventSourced[Book | Look, Books, Booked]):
    @override
    def fresh(self) -> Books:
        return Books()

    @override
    def apply(self, state: Books, event: Booked) -> Books:
        return Books(orders=(*state.orders, event.order))

    @receive(Book)
    def on_book(self, message: Book) -> None:
        if not self.has(message.order):
            self.persist(Booked(order=message.order))

    def has(self, order: str) -> bool:
        return order in self.state.orders

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return list(self.state.orders)


class ForgetfulLedger(Ledger):
    """It books whatever comes."""

    @override
    def has(self, order: str) -> bool:
        return False


class World:
    """What outlives the node: its disk, and what its clients have seen."""

    def __init__(self, ledger: type[Ledger] = Ledger, *, deletes_first: bool = False, torn: int = 0) -> None:
        self.disk = Disk()
        self.disk.faults.torn = torn
        self.history = History(lambda: START)
        self.delivered: list[Delivered] = []
        self.deletes_first = deletes_first
        self.patterns = [queue_pattern, Pattern("ledger", {"ledger": lambda _: Spec(ledger)})]

    async def sell(self, system: System) -> None:
        """Two shops send three orders each, and two clerks book them until there is nothing more to do."""
        names: Ref[NamesMessage] = system.ref(NAMES)
        await names.ask(CreateQueue(name=QUEUE, attributes=FIFO))
        async with trio.open_nursery() as nursery:
            for number in range(2):
                nursery.start_soon(self._shop, system, f"shop{number}")
                nursery.start_soon(self._clerk, system, f"clerk{number}", 1)

    async def _shop(self, system: System, name: str) -> None:
        queue: Ref[QueueMessage] = system.ref(queue_address(QUEUE))
        shop = self.history.client(name)
        for number in range(3):
            entry = SendEntry(f"{name}.{number}", group=name)
            await shop.ask(queue, SendMessage(entry=entry, sender="0"))

    async def _clerk(self, system: System, name: str, patience: int) -> None:
        queue: Ref[QueueMessage] = system.ref(queue_address(QUEUE))
        ledger: Ref[Book] = system.ref(LEDGER)
        clerk = self.history.client(name)
        idle = 0
        while idle < patience:
            answer = await clerk.ask(queue, ReceiveMessage(count=2, wait=20))
            idle = 0 if answer.messages else idle + 1
            for message in answer.messages:
                self.delivered.append(Delivered(message.body, system.clock.now()))
                delete = DeleteMessage(receipt_handle=message.receipt_handle)
                if self.deletes_first:
                    await clerk.ask(queue, delete)
                await clerk.ask(ledger, Book(order=message.body))
                if not self.deletes_first:
                    await clerk.ask(queue, delete)

    async def recover(self, system: System) -> list[str]:
        """A clerk books what is left, longer than any visibility timeout; answers the ledger."""
        try:
            await self._clerk(system, "late clerk", patience=3)
        except QueueDoesNotExist:
            assert not self.sent(), "the queue is there once a message was accepted"
        booked: list[str] = await system.ref(LEDGER).ask(Look())
        return booked

    def crash_and_recover(self, crash_at: int) -> list[str]:
        crashed = simulate(self.sell, seed=1, patterns=self.patterns, disk=self.disk, crash_at=crash_at)
        assert crashed.crashed
        booked: list[str] = simulate(self.recover, seed=2, patterns=self.patterns, disk=self.disk).result
        return booked

    def sends(self) -> list[Operation]:
        return [one for one in self.history.operations if isinstance(one.args, SendMessage)]

    def sent(self) -> list[str]:
        """Acknowledged."""
        return [order_of(one) for one in answered(self.sends())]

    def check(self, booked: list[str]) -> None:
        sends = [Sent.of(one, order_of(one), one.client) for one in self.sends()]
        assert (
            require(
                no_loss(self.sent(), set(booked)),
                exactly_once(booked, str, wanted=self.sent()),
                fifo(sends, self.delivered),
                fifo(sends, [Delivered(order) for order in booked]),
            )
            == []
        )


def order_of(operation: Operation) -> str:
    return str(operation.args.entry.body)


def failures(world: Callable[[], World]) -> Iterable[tuple[int, str, str]]:
    """At which effects a power cut breaks what."""
    intact = world()
    steps = simulate(intact.sell, seed=1, patterns=intact.patterns, disk=intact.disk).steps
    assert steps > 60
    assert len(intact.sent()) == 6
    for crash_at in range(1, steps + 1):
        struck = world()
        booked = struck.crash_and_recover(crash_at)
        try:
            struck.check(booked)
        except PropertyFailed as failed:
            yield crash_at, failed.checker, failed.property


@pytest.mark.parametrize("torn", [0, 1])
def test_no_order_is_lost_or_booked_twice_or_out_of_order_whichever_effect_the_power_fails_at(
    torn: int,
) -> None:
    assert list(failures(partial(World, torn=torn))) == []


def test_a_ledger_that_forgets_what_it_has_booked_is_found_by_exactly_once() -> None:
    found = {checker for _, checker, _ in failures(partial(World, ForgetfulLedger))}
    assert found == {"exactly_once"}


def test_a_clerk_that_deletes_a_message_before_it_has_booked_it_is_found_by_no_loss() -> None:
    found = list(failures(partial(World, deletes_first=True)))
    assert {checker for _, checker, _ in found} == {"no_loss"}
    assert all(order.startswith("shop") for _, _, order in found)
