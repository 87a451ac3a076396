"""Actors whose state is the sum of their events: what is kept, what is read back, and what refuses to start."""

from types import new_class
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from actors import Address, Message, Spec, receive
from actors.durable import Append, Delete, DeletePrefix, DurableActor, Put, Stored, Trim, Woken
from actors.errors import ActorCrashed, ActorError, BadSpec, StartFailed
from actors.event_sourced import EventSourced, LostEvents
from actors.guarded import Reserved
from actors.records import BadRecord, Data, Form, Record, UnknownVersion, Upcasts
from actors.testing import harness
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk


class Deposited(Record, version=3):
    amount: int
    currency: str


class Closed(Record, stored_as="Ended"):
    pass


class Balance(Record, version=2):
    amount: int = 0
    events: int = 0
    open: bool = True


class Deposit(Message[int]):
    amount: int


class Close(Message[None]):
    pass


class Look(Message[Balance]):
    pass


class Tamper(Message[None]):
    write: Put | Delete | DeletePrefix | Append | Trim


def renamed(data: Data) -> Data:
    return {"amount": data["sum"]}


def with_currency(data: Data) -> Data:
    return {**data, "currency": "EUR"}


def counted(data: Data) -> Data:
    return {**data, "events": 0}


class Account(EventSourced[Deposit | Close | Look | Tamper, Balance, Deposited | Closed]):
    upcasts: ClassVar[Upcasts] = {
        ("Deposited", 1): renamed,
        ("Deposited", 2): with_currency,
        ("Balance", 1): counted,
    }
    snapshot_every = 4

    @override
    def fresh(self) -> Balance:
        return Balance()

    @override
    def apply(self, state: Balance, event: Deposited | Closed) -> Balance:
        if isinstance(event, Closed):
            return Balance(amount=state.amount, events=state.events + 1, open=False)
        return Balance(amount=state.amount + event.amount, events=state.events + 1, open=state.open)

    @receive(Deposit)
    def on_deposit(self, message: Deposit) -> int:
        self.persist(Deposited(amount=message.amount, currency="EUR"))
        return self.state.amount

    @receive(Close)
    def on_close(self, message: Close) -> None:
        self.persist(Deposited(amount=1, currency="EUR"), Closed())

    @receive(Look)
    def on_look(self, message: Look) -> Balance:
        return self.state

    @receive(Tamper)
    def on_tamper(self, message: Tamper) -> None:
        self.ctx.stage(message.write)


HERE = Address("/account/a")
PATTERNS = [Pattern("account", {"account": lambda _: Spec(Account)})]


def ask(disk: Disk, *messages: Message[Any], seed: int = 0) -> list[Any]:
    """Ask the account of a node that starts on `disk`, and ends; the answers, errors among them."""

    async def program(system: System) -> list[Any]:
        answers: list[Any] = []
        for message in messages:
            try:
                answers.append(await system.ref(HERE).ask(message))
            except ActorError as error:
                answers.append(error)
        return answers

    answers: list[Any] = simulate(program, seed=seed, patterns=PATTERNS, disk=disk).result
    return answers


def kept_events(disk: Disk) -> dict[int, bytes]:
    return disk.kept[HERE].logs["~events"].records


def snapshots(disk: Disk) -> list[str]:
    return sorted(key for key in disk.kept[HERE].rows if key.startswith("~snapshot/"))


def disk_with(*records: bytes) -> Disk:
    """A disk on which an earlier release has left these events."""
    disk = Disk()

    class Earlier(DurableActor[Close]):
        @receive(Close)
        def on_close(self, message: Close) -> None:
            for offset, record in enumerate(records):
                self.ctx.stage(Append("~events", offset, record))

    async def program(system: System) -> None:
        await system.ref(HERE).ask(Close())

    simulate(program, seed=0, patterns=[Pattern("account", {"account": lambda _: Spec(Earlier)})], disk=disk)
    return disk


def failure(disk: Disk) -> BaseException | None:
    (error,) = ask(disk, Look())
    assert isinstance(error, StartFailed)
    return error.__cause__


# --- events and snapshots ------------------------------------------------------------------------------


def test_the_state_is_read_back_from_its_events() -> None:
    disk = Disk()
    assert ask(disk, Deposit(amount=2), Deposit(amount=3)) == [2, 5]
    assert ask(disk, Look()) == [Balance(amount=5, events=2)]


def test_events_of_one_turn_are_kept_together_in_their_order() -> None:
    disk = Disk()
    ask(disk, Close())
    assert ask(disk, Look()) == [Balance(amount=1, events=2, open=False)]
    assert len(kept_events(disk)) == 2


@pytest.mark.parametrize("count", [3, 4, 5, 8, 12, 13])
def test_two_snapshots_are_kept_and_the_log_is_trimmed_behind_the_older(count: int) -> None:
    disk = Disk()
    ask(disk, *[Deposit(amount=1)] * count)
    made = list(range(4, count + 1, 4))[-2:]
    assert [int(key.removeprefix("~snapshot/")) for key in snapshots(disk)] == made
    assert min(kept_events(disk)) == (made[0] if count >= 12 else 0)
    assert ask(disk, Look()) == [Balance(amount=count, events=count)]


@pytest.mark.parametrize("damage", [b"\x80", b"{}", b'{"type":"Balance","version":9,"data":{}}'])
def test_a_snapshot_that_does_not_load_is_passed_over_for_the_one_before_it(damage: bytes) -> None:
    disk = Disk()
    ask(disk, *[Deposit(amount=1)] * 13)
    disk.kept[HERE].rows[snapshots(disk)[-1]] = damage
    assert ask(disk, Look(), Deposit(amount=1)) == [Balance(amount=13, events=13), 14]
    assert ask(disk, Look()) == [Balance(amount=14, events=14)]


def test_what_the_newest_snapshot_covers_is_not_read_again() -> None:
    disk = Disk()
    ask(disk, *[Deposit(amount=1)] * 13)
    kept_events(disk)[10] = b"damaged, between the two snapshots"
    assert ask(disk, Look()) == [Balance(amount=13, events=13)]


def test_without_the_events_that_a_damaged_snapshot_needs_the_actor_does_not_start_and_nothing_is_written() -> (
    None
):
    disk = Disk()
    ask(disk, *[Deposit(amount=1)] * 13)
    for key in snapshots(disk):
        disk.kept[HERE].rows[key] = b"{"
    version = disk.kept[HERE].version
    assert isinstance(failure(disk), LostEvents)
    assert disk.kept[HERE].version == version


# --- records of earlier and of later releases ----------------------------------------------------------

SAMPLES = [
    (b'{"type":"Deposited","version":1,"data":{"sum":7}}', Deposited(amount=7, currency="EUR")),
    (b'{"type":"Deposited","version":2,"data":{"amount":7}}', Deposited(amount=7, currency="EUR")),
    (
        b'{"type":"Deposited","version":3,"data":{"amount":7,"currency":"USD"}}',
        Deposited(amount=7, currency="USD"),
    ),
    (b'{"type":"Ended","version":1,"data":{}}', Closed()),
    (b'{"type":"Balance","version":1,"data":{"amount":7,"open":true}}', Balance(amount=7)),
    (
        b'{"type":"Balance","version":2,"data":{"amount":7,"events":3,"open":true}}',
        Balance(amount=7, events=3),
    ),
]
"""One of every version that was ever kept; a line is added, none is ever changed."""
FORM: Form[Record] = Form("samples", Account.kinds, Account.upcasts)


@pytest.mark.parametrize(("stored", "value"), SAMPLES)
def test_every_version_ever_kept_still_loads(stored: bytes, value: Record) -> None:
    assert FORM.read(stored) == value


def test_every_version_has_its_sample() -> None:
    kept = [FORM.data(value) for _, value in SAMPLES]
    newest = {(data["type"], data["version"]) for data in kept}
    wanted = {(name, version) for name, last in newest for version in range(1, last + 1)}
    assert {(name, version) for stored, _ in SAMPLES for name, version in [named(stored)]} == wanted
    assert [FORM.write(value) for stored, value in SAMPLES if named(stored) in newest] == [
        stored for stored, _ in SAMPLES if named(stored) in newest
    ]


def named(stored: bytes) -> tuple[str, int]:
    name, version = stored.split(b'"')[3], stored.split(b":")[2].split(b",")[0]
    return name.decode(), int(version)


def test_old_events_are_brought_up_to_date_when_they_are_read() -> None:
    assert ask(disk_with(*[stored for stored, _ in SAMPLES[:4]]), Look()) == [
        Balance(amount=21, events=4, open=False)
    ]


def test_an_event_of_a_newer_release_keeps_the_actor_from_starting_and_nothing_is_written() -> None:
    disk = disk_with(b'{"type":"Deposited","version":4,"data":{"cents":7}}')
    assert isinstance(failure(disk), UnknownVersion)
    assert (disk.kept[HERE].version, len(kept_events(disk))) == (1, 1)


@pytest.mark.parametrize(
    "stored",
    [
        b"\x80\x04",
        b"[]",
        b"{}",
        b'{"type":"Gone","version":1,"data":{}}',
        b'{"type":"Ended","version":0,"data":{}}',
    ],
)
def test_an_event_that_cannot_be_read_keeps_the_actor_from_starting(stored: bytes) -> None:
    assert isinstance(failure(disk_with(stored)), BadRecord)


# --- what the class refuses ----------------------------------------------------------------------------


def test_two_events_kept_under_one_name_are_refused() -> None:
    class Other(Record, stored_as="Ended"):
        pass

    with pytest.raises(BadSpec, match="stored_as"):
        Form("x", (Closed, Other), {})


def test_an_event_that_is_no_record_is_refused() -> None:
    with pytest.raises(BadSpec, match="Records"):
        new_class("Made", (EventSourced[Woken, Balance, Any],))


def a_class(**body: Any) -> type[Any]:
    return new_class("Made", (Account,), exec_body=lambda made: made.update(body))


async def load(self: Any, stored: Stored) -> None: ...


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"load": load}, "define fresh and apply"),
        ({"recover": load}, "define fresh and apply"),
        ({"persist": load}, "define apply"),
        ({"bind": load}, "define started"),
        ({"snapshot_every": -1}, "snapshot_every"),
        ({"upcasts": {("Deposited", 1): renamed}}, "Deposited 1 do not lead to 3"),
        ({"upcasts": {("Deposited", 3): renamed}}, "Deposited 3"),
    ],
)
def test_what_cannot_be_is_refused_when_the_class_is_created(body: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        a_class(**body)


@pytest.mark.parametrize(
    "write",
    [
        Put("~snapshot/1", b""),
        Delete("~x"),
        DeletePrefix(""),
        DeletePrefix("~"),
        Append("~events", 0, b""),
        Trim("~events", 1),
    ],
)
def test_a_handler_cannot_write_what_the_framework_keeps(write: Any) -> None:
    disk = Disk()
    (error,) = ask(disk, Tamper(write=write))
    assert isinstance(error, ActorCrashed)
    assert isinstance(error.__cause__, Reserved)
    assert HERE not in disk.kept


def test_a_handler_may_write_rows_of_its_own() -> None:
    disk = Disk()
    ask(disk, Tamper(write=Put("note", b"1")), Deposit(amount=1))
    assert disk.kept[HERE].rows["note"] == b"1"


# --- crashes -------------------------------------------------------------------------------------------


@pytest.mark.lab
@pytest.mark.parametrize("torn", [0, 1])
def test_what_was_answered_is_there_whichever_effect_the_power_fails_at(torn: int) -> None:
    async def program(system: System, answered: list[int]) -> None:
        while len(answered) < 9:
            answered.append(await system.ref(HERE).ask(Deposit(amount=1)))

    async def whole(system: System) -> None:
        await program(system, [])

    steps = simulate(whole, seed=1, patterns=PATTERNS).steps
    assert steps > 20
    for crash_at in range(1, steps + 1):
        disk, answered = Disk(), list[int]()
        disk.faults.torn = torn

        async def until_then(system: System, answered: list[int] = answered) -> None:
            await program(system, answered)

        assert simulate(until_then, seed=1, patterns=PATTERNS, disk=disk, crash_at=crash_at).crashed
        (after,) = ask(disk, Look(), seed=2)
        assert after.amount == after.events
        assert len(answered) <= after.amount <= len(answered) + 1, f"at effect {crash_at} of {steps}"


def test_no_snapshot_is_made_where_the_class_says_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Account, "snapshot_every", 0)
    disk = Disk()
    ask(disk, *[Deposit(amount=1)] * 9)
    assert snapshots(disk) == []
    assert ask(disk, Look()) == [Balance(amount=9, events=9)]


class Assign(Message[None]):
    pass


class Assigns(EventSourced[Assign, Balance, Deposited]):
    @override
    def fresh(self) -> Balance:
        return Balance()

    @override
    def apply(self, state: Balance, event: Deposited) -> Balance:
        return state

    @receive(Assign)
    def on_assign(self, message: Assign) -> None:
        unchecked: Any = self
        unchecked.state = Balance(amount=5)


def test_a_state_that_no_event_has_made_cannot_be_assigned() -> None:
    actor = harness(Assigns)
    error = actor.run(Assign()).error
    assert isinstance(error, AttributeError)
    assert "state" in str(error)
    assert actor.restart().error is None
    assert actor.state == Balance()
