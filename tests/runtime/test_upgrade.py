"""`callboard check`: what a release cannot read back is named before a node is started on it."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason
from actors.address import Address
from actors.durable import Append, Delete, DurableActor, Put, Stored, Trim, Write
from actors.errors import ActorError
from actors.event_sourced import LOG, EventSourced
from actors.handlers import receive
from actors.message import Message
from actors.records import Data, Record, Upcasts
from actors.reliable import HEAD, LETTERS, ReliableActor, Sends
from patterns.queue.pattern import pattern as queue_pattern
from runtime.pattern import Pattern
from runtime.store import Batch, Durable, MemoryStore
from runtime.upgrade import Report, Unread, check_store


class Deposited(Record, version=2):
    amount: int
    currency: str


class Balance(Record):
    amount: int = 0


def with_currency(data: Data) -> Data:
    return {**data, "currency": "EUR"}


class Look(Message[int]):
    pass


class Account(EventSourced[Look, Balance, Deposited]):
    upcasts: ClassVar[Upcasts] = {("Deposited", 1): with_currency}

    @override
    def fresh(self) -> Balance:
        return Balance()

    @override
    def apply(self, state: Balance, event: Deposited) -> Balance:
        return Balance(amount=state.amount + event.amount)

    @receive(Look)
    def on_look(self, message: Look) -> int:
        return self.state.amount


class Sender(ReliableActor[Look]):
    """Sets a timer while it is read back, if it has something to deliver."""

    sends: ClassVar[Sends] = (Look,)

    @receive(Look)
    def on_look(self, message: Look) -> int:
        return 0

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None: ...


class Busy(DurableActor[Look]):
    """Reads by its context, and would say something when it starts."""

    @override
    async def load(self, stored: Stored) -> None:
        (self.row,) = await self.ctx.read(["n"])
        assert self.row == b"7"

    @override
    async def started(self, reason: StartReason) -> None:
        raise AssertionError("the check starts nothing")

    @receive(Look)
    def on_look(self, message: Look) -> int:
        return 0


class Speaks(DurableActor[Look]):
    """Says something while it is read back."""

    @override
    async def load(self, stored: Stored) -> None:
        assert self.ctx.now == self.ctx.wall
        self.ctx.timer("t", 1.0, Look())
        self.ctx.tell(self.ctx.me, Look())

    @receive(Look)
    def on_look(self, message: Look) -> int:
        return 0


class Volatile(Actor[Look]):
    @receive(Look)
    def on_look(self, message: Look) -> int:
        return 0


PATTERN = Pattern(
    "bank",
    {
        "account": lambda _address: Spec(Account),
        "sender": lambda _address: Spec(Sender),
        "busy": lambda _address: Spec(Busy),
        "speaks": lambda _address: Spec(Speaks),
        "volatile": lambda _address: Spec(Volatile),
        "nobody": lambda _address: None,
    },
)
V1 = b'{"type":"Deposited","version":1,"data":{"amount":7}}'
V2 = b'{"type":"Deposited","version":2,"data":{"amount":7,"currency":"USD"}}'
V3 = b'{"type":"Deposited","version":3,"data":{"cents":7}}'


async def kept(rows: dict[str, Sequence[Write]]) -> MemoryStore:
    store = MemoryStore()
    for path, writes in rows.items():
        assert await store.commit([Batch(Address(path), 0, writes)]) == [Durable(1)]
    return store


async def checked(rows: dict[str, Sequence[Write]]) -> Report:
    return await check_store(await kept(rows), [PATTERN, queue_pattern])


async def error_of(rows: dict[str, Sequence[Write]]) -> str:
    """Of the one actor that cannot be read back."""
    [one] = (await checked(rows)).unread
    return one.error


async def test_events_of_all_versions_that_have_an_upcast_can_be_read_back() -> None:
    log = [Append(LOG, 0, V1), Append(LOG, 1, V2)]
    assert await checked({"/account/1": log}) == Report(read=1)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        (V3, "UnknownVersion: Account: Deposited 3 is newer than 2"),
        (
            b'{"type":"Withdrawn","version":1,"data":{}}',
            "BadRecord: Account: no class is kept as 'Withdrawn'",
        ),
        (
            b'{"type":"Deposited","version":2,"data":{}}',
            "2 validation errors for Deposited amount Field required",
        ),
    ],
)
async def test_an_event_that_this_release_cannot_read_is_named_with_its_actor_and_error(
    record: bytes, error: str
) -> None:
    report = await checked({"/account/1": [Append(LOG, 0, V2)], "/account/2": [Append(LOG, 0, record)]})
    [bad] = report.unread
    assert (report.read, bad.actor) == (1, "/account/2")
    assert error in bad.error
    assert "\n" not in bad.error


async def test_a_message_in_an_outbox_that_this_release_cannot_read_is_named() -> None:
    def outbox(version: int) -> list[Write]:
        letter = b'{"type":"Look","version":%d,"data":{},"to":"/account/1"}' % version
        return [Put(HEAD, b'{"stream":"s","next":1}'), Put(f"{LETTERS}0000000000000000", letter)]

    report = await checked({"/sender/1": outbox(1), "/sender/2": outbox(2)})
    assert report == Report(
        1,
        [
            Unread(
                Address("/sender/2"), "UnknownVersion: Sender.sends: Look 2 is newer than 1, the newest known"
            )
        ],
    )


async def test_a_queue_row_of_another_version_is_named() -> None:
    there = "/queue/000000000000/us-east-1"
    names = [Put("name/orders", b'[2,"open",[],null,{}]')]
    assert await error_of({there: names}) == "AssertionError: a row of the names of version 2"


async def test_what_no_installed_pattern_reads_is_named() -> None:
    report = await checked({"/auction/1": [Put("n", b"1")], "/nobody/1": [Put("n", b"1")]})
    assert [one.actor for one in report.unread] == ["/auction/1", "/nobody/1"]
    said = "NobodyReads: no installed pattern has an actor of this address; patterns are found by the entry points `callboard.patterns`"
    assert {one.error for one in report.unread} == {said}


async def test_rows_of_an_actor_that_is_not_durable_any_more_are_named() -> None:
    error = await error_of({"/volatile/1": [Put("n", b"1")]})
    assert error == "NobodyReads: Volatile is not durable: what is kept is not read"


async def test_an_actor_reads_by_its_context_too_and_is_not_started() -> None:
    assert await checked({"/busy/1": [Put("n", b"7")]}) == Report(read=1)


async def test_an_actor_that_has_an_effect_while_it_is_read_back_is_named_with_it() -> None:
    error = await error_of({"/speaks/1": [Put("n", b"7")]})
    assert error == "NotWhileRead: /speaks/1: ctx.tell while it is read back; `started` may"


async def test_an_actor_of_which_nothing_is_kept_any_more_needs_nobody_to_read_it() -> None:
    store = await kept({"/auction/1": [Put("n", b"1")]})
    await store.commit([Batch(Address("/auction/1"), 1, [Delete("n")])])
    assert await check_store(store, []) == Report()


async def test_a_log_of_which_all_was_trimmed_is_checked() -> None:
    assert "LostEvents" in await error_of({"/account/1": [Append(LOG, 0, V2), Trim(LOG, 1)]})


async def test_more_actors_than_a_page_are_all_checked() -> None:
    rows: dict[str, Sequence[Write]] = {f"/busy/{n}": [Put("n", b"7")] for n in range(1_001)}
    assert await checked(rows) == Report(read=1_001)
