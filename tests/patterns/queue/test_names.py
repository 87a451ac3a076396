"""The names of an account and region: create, find, list, delete, and who redrives to whom."""

import json
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from actors.durable import Delete, Put
from patterns.queue.errors import (
    InvalidParameterValue,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from patterns.queue.messages import (
    CreateQueue,
    ListDeadLetterSourceQueues,
    ListQueues,
    ReaffirmQueue,
    SetRedrive,
)
from patterns.queue.names import Entry, Gone, Names, NamesChange, Status
from patterns.queue.names_rows import names_change_of, names_writes_of
from tests.patterns.queue.kept import Kept

ACCOUNT, REGION = "000000000000", "us-east-1"
QUEUE_ID = str(UUID(int=7))


class KeptNames:
    """The names and their table in memory."""

    def __init__(self, *, recreate_rule: bool = False) -> None:
        self.names = Names(ACCOUNT, REGION, recreate_rule=recreate_rule)
        self.table: dict[str, bytes] = {}

    def keep(self, change: NamesChange) -> None:
        for write in names_writes_of(change):
            match write:
                case Put(key, value):
                    self.table[key] = value
                case Delete(key):
                    self.table.pop(key, None)
                case other:
                    raise AssertionError(other)
        self.names.apply(change)

    def restored(self) -> Names:
        changes = [names_change_of(key, value) for key, value in self.table.items()]
        return Names.restored(ACCOUNT, REGION, changes, recreate_rule=self.names.recreate_rule)

    def create(self, name: str, now: float = 0.0, **attributes: str) -> None:
        change = self.names.create(CreateQueue(name=name, attributes=attributes), now, lambda: QUEUE_ID)
        assert isinstance(change, Entry)
        self.keep(change)
        self.keep(self.names.opened(name))

    def delete(self, name: str, now: float = 0.0) -> None:
        self.keep(self.names.delete(name))
        self.keep(self.names.closed(name, now))

    def page(self, prefix: str = "", limit: int | None = None, token: str | None = None) -> list[str]:
        return list(self.names.listed(ListQueues(prefix=prefix, limit=limit, token=token)).names)


def redrive_to(name: str) -> str:
    return json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", "maxReceiveCount": 1})


def test_a_queue_is_found_from_when_it_was_opened_until_it_is_to_be_closed() -> None:
    kept = KeptNames()
    creating = kept.names.create(CreateQueue(name="orders", tags={"a": "b"}), 5.0, lambda: QUEUE_ID)
    assert isinstance(creating, Entry)
    kept.keep(creating)
    with pytest.raises(QueueDoesNotExist):
        kept.names.find("orders")
    assert kept.restored().unfinished() == [creating]
    assert (creating.opening.queue_id, creating.opening.tags) == (QUEUE_ID, {"a": "b"})
    kept.keep(kept.names.opened("orders"))
    assert kept.names.find("orders").status is Status.ACTIVE
    assert kept.restored().unfinished() == []
    kept.keep(kept.names.delete("orders"))
    with pytest.raises(QueueDoesNotExist):
        kept.names.find("orders")
    assert [entry.status for entry in kept.restored().unfinished()] == [Status.DELETING]
    kept.keep(kept.names.closed("orders", 9.0))
    assert kept.table == {}


def test_creating_again_is_for_the_queue_to_judge() -> None:
    kept = KeptNames()
    kept.create("orders", DelaySeconds="5")
    again = kept.names.create(
        CreateQueue(name="orders", attributes={"DelaySeconds": "5"}), 0.0, lambda: QUEUE_ID
    )
    assert isinstance(again, ReaffirmQueue)
    assert again.attributes == {"DelaySeconds": "5"}
    queue = Kept({"DelaySeconds": "6"}).queue
    with pytest.raises(QueueNameExists, match="a different value for attribute DelaySeconds"):
        queue.reaffirm(again.attributes)


def test_a_deleted_name_is_free_at_once_or_under_its_rule_after_sixty_seconds() -> None:
    free, ruled = KeptNames(), KeptNames(recreate_rule=True)
    for kept in (free, ruled):
        kept.create("orders")
        kept.delete("orders", now=100.0)
    free.create("orders", now=100.0)
    for names in (ruled.names, ruled.restored()):
        with pytest.raises(QueueDeletedRecently, match="You must wait 60 seconds after deleting a queue"):
            names.create(CreateQueue(name="orders"), 159.9, lambda: QUEUE_ID)
    ruled.create("orders", now=160.0)


def test_a_name_whose_queue_is_being_closed_is_soon_free_or_under_the_rule_refused() -> None:
    free, ruled = KeptNames(), KeptNames(recreate_rule=True)
    for kept in (free, ruled):
        kept.create("orders")
        kept.keep(kept.names.delete("orders"))
    assert free.names.create(CreateQueue(name="orders"), 0.0, lambda: QUEUE_ID) is None
    with pytest.raises(QueueDeletedRecently):
        ruled.names.create(CreateQueue(name="orders"), 0.0, lambda: QUEUE_ID)


def test_pages_follow_each_other_and_a_token_comes_only_if_a_size_was_given() -> None:
    kept = KeptNames()
    for name in ("b2", "a1", "b1", "B1", "b3", "c1"):
        kept.create(name)
    assert kept.page() == ["B1", "a1", "b1", "b2", "b3", "c1"]
    assert kept.page("b") == ["b1", "b2", "b3"]
    first = kept.names.listed(ListQueues(prefix="b", limit=2))
    assert (first.names, first.next_token is None) == (["b1", "b2"], False)
    kept.delete("b2")
    second = kept.names.listed(ListQueues(prefix="b", limit=2, token=first.next_token))
    assert (second.names, second.next_token) == (["b3"], None)
    for limit in (0, 1_001):
        with pytest.raises(InvalidParameterValue):
            kept.page(limit=limit)
    with pytest.raises(InvalidParameterValue):
        kept.page(token="\N{PARTY POPPER}")


def test_a_page_has_at_most_a_thousand_names() -> None:
    kept = KeptNames()
    for number in range(1_001):
        kept.create(f"q{number:04d}")
    page = kept.names.listed(ListQueues())
    assert (len(page.names), page.next_token) == (1_000, None)


def test_the_sources_of_a_dead_letter_queue_are_listed() -> None:
    kept = KeptNames()
    kept.create("dead")
    kept.create("s1", RedrivePolicy=redrive_to("dead"))
    kept.create("s2")
    kept.keep(kept.names.set_redrive(SetRedrive(name="s2", redrive_policy=redrive_to("dead"))))
    asked = ListDeadLetterSourceQueues(name="dead")
    for names in (kept.names, kept.restored()):
        assert names.candidates(asked) == ["s1", "s2"]
    kept.keep(kept.names.set_redrive(SetRedrive(name="s1", redrive_policy="")))
    kept.delete("s2")
    assert kept.names.candidates(asked) == ["s1"], "whether it has done so is for s1 to say"
    assert kept.names.sources(asked, ["s1", "s2", "s3"]).names == ["s1"], "of those that are still there"
    with pytest.raises(QueueDoesNotExist):
        kept.names.candidates(ListDeadLetterSourceQueues(name="none"))


def test_a_queue_that_changes_its_target_remembers_the_last_ten() -> None:
    kept = KeptNames()
    kept.create("orders")
    for number in range(12):
        kept.create(f"dead{number}")
        kept.keep(
            kept.names.set_redrive(SetRedrive(name="orders", redrive_policy=redrive_to(f"dead{number}")))
        )
    kept.keep(kept.names.set_redrive(SetRedrive(name="orders", redrive_policy=redrive_to("dead2"))))
    for names in (kept.names, kept.restored()):
        may = [n for n in range(12) if names.candidates(ListDeadLetterSourceQueues(name=f"dead{n}"))]
        assert may == [2, *range(3, 12)]


def test_a_target_must_be_here_and_allow_it() -> None:
    kept = KeptNames()
    kept.create("dead", RedriveAllowPolicy='{"redrivePermission": "denyAll"}')
    kept.create("orders")
    elsewhere = redrive_to("dead").replace(REGION, "eu-west-1")
    for policy in (
        redrive_to("dead"),
        redrive_to("none"),
        elsewhere,
        '{"deadLetterTargetArn":"x","maxReceiveCount":1}',
    ):
        with pytest.raises(InvalidParameterValue):
            kept.names.set_redrive(SetRedrive(name="orders", redrive_policy=policy))
        with pytest.raises(InvalidParameterValue):
            kept.create("another", RedrivePolicy=policy)
    kept.keep(kept.names.set_redrive(SetRedrive(name="dead", redrive_allow_policy="")))
    kept.keep(kept.names.set_redrive(SetRedrive(name="orders", redrive_policy=redrive_to("dead"))))


NAMES = st.sampled_from(["a", "b", "ba", "c"])


class NamesMachine(RuleBasedStateMachine):
    """Any sequence of steps; the model is a dictionary of how far each name has come."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = KeptNames()
        self.model: dict[str, Status] = {}

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        match self.model.get(name, Status.ABSENT):
            case Status.ABSENT:
                change = self.kept.names.create(CreateQueue(name=name), 0.0, lambda: QUEUE_ID)
                assert isinstance(change, Entry)
                self.kept.keep(change)
                self.model[name] = Status.CREATING
            case Status.CREATING | Status.ACTIVE:
                answer = self.kept.names.create(CreateQueue(name=name), 0.0, lambda: QUEUE_ID)
                assert answer == ReaffirmQueue(attributes={})
            case Status.DELETING:
                assert self.kept.names.create(CreateQueue(name=name), 0.0, lambda: QUEUE_ID) is None

    @rule(name=NAMES)
    def finish(self, name: str) -> None:
        match self.model.get(name):
            case Status.CREATING:
                self.kept.keep(self.kept.names.opened(name))
                self.model[name] = Status.ACTIVE
            case Status.DELETING:
                self.kept.keep(self.kept.names.closed(name, 0.0))
                del self.model[name]
            case _:
                with pytest.raises(AssertionError):
                    self.kept.names.apply(Gone(name, None))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if self.model.get(name) is Status.ACTIVE:
            self.kept.keep(self.kept.names.delete(name))
            self.model[name] = Status.DELETING
        else:
            with pytest.raises(QueueDoesNotExist):
                self.kept.names.delete(name)

    @invariant()
    def the_lists_and_a_restart_agree_with_the_model(self) -> None:
        active = sorted(name for name, status in self.model.items() if status is Status.ACTIVE)
        unfinished = {name for name, status in self.model.items() if status is not Status.ACTIVE}
        for names in (self.kept.names, self.kept.restored()):
            assert names.listed(ListQueues()).names == active
            assert {entry.name for entry in names.unfinished()} == unfinished


def test_any_sequence_of_steps_agrees_with_a_dictionary() -> None:
    run_state_machine_as_test(NamesMachine)
