"""Which queues an account has in a region: names, how far each has come, and who sends dead letters to whom.

A name is kept before its queue begins to exist and until it has ended, so that a crash between is taken up again
(`unfinished`). Decisions refuse or return the change; `apply` alters.
"""

from base64 import b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from patterns.queue.arn import queue_arn, queue_of
from patterns.queue.attributes import check_tags, for_new_queue
from patterns.queue.errors import InvalidParameterValue, QueueDeletedRecently, QueueDoesNotExist
from patterns.queue.limits import page_size
from patterns.queue.messages import (
    CreateQueue,
    ListDeadLetterSourceQueues,
    ListQueues,
    OpenQueue,
    QueuePage,
    ReaffirmQueue,
    SetRedrive,
)
from patterns.queue.redrive import RedriveAllow, check_target, parse_allow

RECREATE_AFTER = 60.0
"""Seconds after a delete in which the name is not free, where the rule is switched on."""

TARGETS_MAX = 10
"""Of a queue's dead-letter queues, how many are remembered: all but the latest are there for the case of a crash."""


class Status(Enum):
    """How far a name has come; ABSENT has no entry."""

    ABSENT = "absent"
    CREATING = "creating"
    ACTIVE = "active"
    DELETING = "deleting"


# Every step there is; `apply` asserts that it takes no other.
STEPS = {
    (Status.ABSENT, Status.CREATING),
    (Status.CREATING, Status.ACTIVE),
    (Status.ACTIVE, Status.ACTIVE),  # another redrive policy
    (Status.ACTIVE, Status.DELETING),
    (Status.DELETING, Status.ABSENT),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A name's line, and the change that writes it. `opening` is what the queue begins with."""

    name: str
    status: Status
    opening: OpenQueue
    targets: tuple[str, ...] = ()
    """ARNs that may be its dead-letter queue's, the latest last: what was judged, of which a crash may have kept the
    queue from doing the last. Only the queue itself knows."""
    redrive_allow_policy: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """The name is free; `at` is kept where the 60-second rule is switched on."""

    name: str
    at: float | None


NamesChange = Entry | Gone


class Names:
    """The names of one account and region. `recreate_rule`: a deleted name is not free for 60 s, as at AWS."""

    def __init__(self, account: str, region: str, *, recreate_rule: bool = False) -> None:
        self.account = account
        self.region = region
        self.recreate_rule = recreate_rule
        self.entries: dict[str, Entry] = {}
        self.deleted_at: dict[str, float] = {}
        self._order: list[str] = []

    @classmethod
    def restored(
        cls, account: str, region: str, changes: Iterable[NamesChange], *, recreate_rule: bool = False
    ) -> "Names":
        """From the rows, in any order."""
        names = cls(account, region, recreate_rule=recreate_rule)
        for change in changes:
            names._keep(change)
        return names

    # --- one queue ----------------------------------------------------------------------------------------

    def create(
        self, message: CreateQueue, now: float, draw: Callable[[], str]
    ) -> Entry | ReaffirmQueue | None:
        """A new name, whose queue is to be opened; or, if it is taken, what to ask of the queue that has it.

        None: that queue is being closed; the name is free when it has ended. `draw` gives the queue's id, a UUID. Raises what CreateQueue says.
        """
        attributes = for_new_queue(message.name, message.attributes)
        check_tags(message.tags)
        before = self.entries.get(message.name)
        if before is not None and before.status is not Status.DELETING:
            return ReaffirmQueue(attributes={name: attributes.get(name, "") for name in message.attributes})
        if (before is not None and self.recreate_rule) or self._is_recent(message.name, now):
            raise QueueDeletedRecently
        if before is not None:
            return None
        redrive = check_target(attributes.get("RedrivePolicy", ""), self.arn(message.name), self.allowed_by)
        opening = OpenQueue(queue_id=draw(), attributes=attributes, tags=dict(message.tags), created_at=now)
        allow = attributes.get("RedriveAllowPolicy", "")
        return Entry(message.name, Status.CREATING, opening, (redrive.target,) if redrive else (), allow)

    def opened(self, name: str) -> Entry:
        """The queue has begun to exist."""
        return replace(self.entries[name], status=Status.ACTIVE)

    def find(self, name: str) -> Entry:
        """Raises QueueDoesNotExist."""
        entry = self.entries.get(name)
        if entry is None or entry.status is not Status.ACTIVE:
            raise QueueDoesNotExist
        return entry

    def delete(self, name: str) -> Entry:
        """The queue is to be closed. Raises QueueDoesNotExist."""
        return replace(self.find(name), status=Status.DELETING)

    def closed(self, name: str, now: float) -> Gone:
        """The queue has ended."""
        return Gone(name, now if self.recreate_rule else None)

    def set_redrive(self, message: SetRedrive) -> Entry:
        """Raises QueueDoesNotExist; InvalidParameterValue: the policy's form, its target, what the target allows."""
        entry = self.find(message.name)
        if message.redrive_allow_policy is not None:
            parse_allow(message.redrive_allow_policy)
            entry = replace(entry, redrive_allow_policy=message.redrive_allow_policy)
        if message.redrive_policy is not None:
            redrive = check_target(message.redrive_policy, self.arn(message.name), self.allowed_by)
            if redrive is not None:
                others = [target for target in entry.targets if target != redrive.target]
                entry = replace(entry, targets=(*others, redrive.target)[-TARGETS_MAX:])
        return entry

    def unfinished(self) -> list[Entry]:
        """Queues to open or to close once more after a crash; both may be asked twice."""
        return [entry for entry in self.entries.values() if entry.status is not Status.ACTIVE]

    # --- many ---------------------------------------------------------------------------------------------

    def listed(self, message: ListQueues) -> QueuePage:
        """Raises InvalidParameterValue."""
        first = bisect_left(self._order, message.prefix)
        names = (self._order[place] for place in range(first, len(self._order)))
        return self._page(names, message.prefix, message.limit, message.token)

    def candidates(self, message: ListDeadLetterSourceQueues) -> list[str]:
        """Queues that may name this one as their target. Raises QueueDoesNotExist."""
        target = self.arn(self.find(message.name).name)
        return [name for name in self._order if target in self.entries[name].targets]

    def sources(self, message: ListDeadLetterSourceQueues, found: Collection[str]) -> QueuePage:
        """A page of the candidates that do. Raises InvalidParameterValue."""
        return self._page(sorted(found), "", message.limit, message.token)

    def _page(self, names: Iterable[str], prefix: str, limit: int | None, token: str | None) -> QueuePage:
        size = page_size(limit)
        after = _name_of(token) if token else ""
        page: list[str] = []
        for name in names:
            if not name.startswith(prefix):
                break
            entry = self.entries.get(name)
            if name <= after or entry is None or entry.status is not Status.ACTIVE:
                continue
            if len(page) == size:
                return QueuePage(page, _token_of(page[-1]) if limit is not None else None)
            page.append(name)
        return QueuePage(page)

    # --- questions ----------------------------------------------------------------------------------------

    def arn(self, name: str) -> str:
        return queue_arn(self.account, self.region, name)

    def allowed_by(self, arn: str) -> RedriveAllow | None:
        """Who may send dead letters to the queue `arn`; None: there is no such queue here."""
        found = queue_of(arn)
        entry = self.entries.get(found[2]) if found and arn == self.arn(found[2]) else None
        if entry is None or entry.status is not Status.ACTIVE:
            return None
        return parse_allow(entry.redrive_allow_policy)

    def _is_recent(self, name: str, now: float) -> bool:
        at = self.deleted_at.get(name)
        return self.recreate_rule and at is not None and now < at + RECREATE_AFTER

    # --- what a change does -------------------------------------------------------------------------------

    def apply(self, change: NamesChange) -> None:
        before = self.entries.get(change.name)
        step = (
            before.status if before else Status.ABSENT,
            change.status if isinstance(change, Entry) else Status.ABSENT,
        )
        assert step in STEPS, f"{change.name}: {step}"
        self._keep(change)

    def _keep(self, change: NamesChange) -> None:
        match change:
            case Entry(name):
                if name not in self.entries:
                    insort(self._order, name)
                self.entries[name] = change
                self.deleted_at.pop(name, None)
            case Gone(name, at):
                if self.entries.pop(name, None) is not None:
                    del self._order[bisect_right(self._order, name) - 1]
                if at is not None:
                    self.deleted_at[name] = at


def _token_of(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode()


def _name_of(token: str) -> str:
    try:
        return b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:  # the text is a guess
        raise InvalidParameterValue.of("NextToken", token, "Invalid pagination token.") from None
