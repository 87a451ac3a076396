"""Any sequence of calls on a queue, against the plainest model there is: a list that is searched each time."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from patterns.queue.dead_letters import settle
from patterns.queue.errors import InvalidParameterValue
from patterns.queue.receiving import change_visibility, delete
from tests.patterns.queue.kept import FIFO, Kept

RETENTION = 600.0
RECEIVES_MAX = 2
GROUPS = st.sampled_from(["a", "b", "c"])
BODIES = st.sampled_from(["x", "y", "z", "\N{PARTY POPPER}"])
REDRIVE = (
    f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":{RECEIVES_MAX}}}'
)


@dataclass
class Plain:
    """One message of the model."""

    message_id: str
    body: str
    group: str
    born: float
    visible_at: float
    receives: int = 0
    received_at: float = 0.0
    handles: list[str] = field(default_factory=list[str])


class QueueMachine(RuleBasedStateMachine):
    """Both types; `fifo` is the subclass's."""

    fifo: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        attributes = {"MessageRetentionPeriod": str(int(RETENTION)), "RedrivePolicy": REDRIVE}
        self.kept = Kept({**(FIFO if self.fifo else {}), **attributes})
        self.messages: list[Plain] = []
        self.dedups: dict[str, tuple[str, float]] = {}
        self.deleted: set[str] = set()
        self.moved: set[str] = set()
        self.adopted = 0
        self.locked: set[str] = set()
        """FIFO groups of which one is on its way to the dead-letter queue."""
        self.handles: list[tuple[str, str]] = []  # (message id, handle), oldest first

    # --- the model ----------------------------------------------------------------------------------------

    def visible(self, message: Plain) -> bool:
        return message.visible_at <= self.kept.now

    def find(self, message_id: str) -> Plain | None:
        return next((one for one in self.messages if one.message_id == message_id), None)

    def deliverable(self) -> list[Plain]:
        if not self.fifo:
            return [message for message in self.messages if self.visible(message)]
        runs: list[Plain] = []
        for group in dict.fromkeys(one.group for one in self.messages if one.group not in self.locked):
            for message in self.messages:
                if message.group == group:
                    if not self.visible(message):
                        break
                    runs.append(message)
        return runs

    # --- the calls ----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.5, 10.0, 30.0, 299.5, 300.0]))
    def time_passes(self, seconds: float) -> None:
        self.kept.advance(seconds)
        self.messages = [one for one in self.messages if one.born + RETENTION > self.kept.now]

    @rule(body=BODIES, group=GROUPS, delay=st.sampled_from([None, 0, 20]))
    def send(self, body: str, group: str, delay: int | None) -> None:
        now = self.kept.now
        sent = self.kept.send(body, group, delay=None if self.fifo else delay)
        first, until = self.dedups.get(body, ("", 0.0))
        if self.fifo and now < until:
            assert sent.message_id == first
            return
        self.dedups[body] = (sent.message_id, now + 300.0)
        visible_at = now if self.fifo else now + (delay or 0)
        self.messages.append(Plain(sent.message_id, body, group, now, visible_at))

    @rule(count=st.integers(1, 10), visibility=st.sampled_from([None, 0, 5, 60]))
    def receive(self, count: int, visibility: int | None) -> None:
        expected: list[Plain] = []
        moved: list[Plain] = []
        for message in self.deliverable():
            if message.receives >= RECEIVES_MAX:
                moved.append(message)
                continue
            if self.fifo and message.group in {one.group for one in moved}:
                continue  # that one might come back to its place before this one
            expected.append(message)
            if len(expected) == count:
                break
        received = self.kept.receive(count, visibility)
        assert [one.body for one in received] == [one.body for one in expected]
        assert [one.message_id for one in received] == [one.message_id for one in expected]
        for one, message in zip(received, expected, strict=True):
            message.receives += 1
            message.received_at = self.kept.now
            message.visible_at = self.kept.now + (30 if visibility is None else visibility)
            message.handles.append(one.receipt_handle)
            self.handles.append((message.message_id, one.receipt_handle))
            assert one.system_attributes["ApproximateReceiveCount"] == str(message.receives)
        for message in moved:
            self.messages.remove(message)
            self.moved.add(message.message_id)
            self.locked.add(message.group)

    @precondition(lambda self: self.locked)
    @rule()
    def dead_letters_are_adopted(self) -> None:
        parcels = self.kept.outgoing()
        self.kept.keep(settle(self.kept.queue, [parcel.seq for parcel in parcels]))
        self.adopted += len(parcels)
        self.locked.clear()

    def is_current(self, message: Plain, handle: str) -> bool:
        return not self.visible(message) and (not self.fifo or message.handles[-1] == handle)

    @precondition(lambda self: self.handles)
    @rule(choice=st.integers(0, 1_000))
    def delete(self, choice: int) -> None:
        message_id, handle = self.handles[-1 - choice % len(self.handles)]
        message = self.find(message_id)
        if message is not None and self.fifo and not self.is_current(message, handle):
            with pytest.raises(InvalidParameterValue, match="The receipt handle has expired"):
                delete(self.kept.queue, handle)
            return
        self.kept.keep(delete(self.kept.queue, handle))
        if message is not None:
            self.messages.remove(message)
            self.deleted.add(message_id)

    @precondition(lambda self: self.handles)
    @rule(choice=st.integers(0, 1_000), timeout=st.sampled_from([0, 1, 100]))
    def change_visibility(self, choice: int, timeout: int) -> None:
        message_id, handle = self.handles[-1 - choice % len(self.handles)]
        message = self.find(message_id)
        if message is None or not self.is_current(message, handle):
            with pytest.raises(InvalidParameterValue):
                change_visibility(self.kept.queue, handle, timeout, self.kept.now)
            return
        self.kept.keep(change_visibility(self.kept.queue, handle, timeout, self.kept.now))
        message.visible_at = self.kept.now + timeout

    @rule()
    def restart(self) -> None:
        self.kept.restart()

    @precondition(lambda self: self.messages)
    @rule()
    def purge(self) -> None:
        self.kept.keep(self.kept.queue.purge(self.kept.now))
        self.messages.clear()
        self.dedups.clear()

    # --- what always holds --------------------------------------------------------------------------------

    @invariant()
    def the_counts_are_exact(self) -> None:
        counts = self.kept.queue.counts()
        hidden = [message for message in self.messages if not self.visible(message)]
        assert counts.visible == len(self.messages) - len(hidden)
        assert counts.in_flight == sum(message.receives > 0 for message in hidden)
        assert counts.delayed == sum(message.receives == 0 for message in hidden)

    @invariant()
    def the_next_event_is_the_first_end_of_hiding(self) -> None:
        ends = [message.visible_at for message in self.messages if not self.visible(message)]
        assert self.kept.queue.next_event() == (min(ends) if ends else None)

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        live, restored = self.kept.queue, self.kept.restored()
        assert restored.index.born == live.index.born
        assert restored.index.deliveries == live.index.deliveries
        assert list(restored.index.candidates()) == list(live.index.candidates())
        assert restored.counts() == live.counts()
        assert restored.dedups == live.dedups
        assert restored.outgoing == live.outgoing
        assert restored.meta == live.meta
        assert restored.next_seq >= live.next_seq

    @invariant()
    def a_message_is_in_one_place(self) -> None:
        here = {message.message_id for message in self.messages}
        assert not here & self.deleted
        assert not here & self.moved
        assert len(self.kept.queue.index) == len(here)
        assert len(self.kept.outgoing()) + self.adopted == len(self.moved)


class StandardMachine(QueueMachine):
    fifo = False


class FifoMachine(QueueMachine):
    fifo = True


@pytest.mark.parametrize("machine", [StandardMachine, FifoMachine])
def test_any_sequence_of_calls_agrees_with_a_list_that_is_searched(machine: type[QueueMachine]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=80, stateful_step_count=40, deadline=None)
    )
