"""A bounded mailbox with two lanes: what the system has to say comes before what users say.

The system lane is bounded by construction (one slot for each timer key), the user lane by `capacity`.
What happens when it is full is the actor's declared policy; nothing is dropped without being handed back.
"""

from collections import deque
from enum import Enum, auto
from typing import Generic, TypeVar

from actors.priority import PriorityLane

E = TypeVar("E")

MAILBOX_CAPACITY = 1_000
"""Messages that a mailbox holds unless its spec says otherwise."""


class Overflow(Enum):
    """What a full mailbox does with one more message."""

    WAIT = auto()
    """The sender waits for room: back pressure. In a circle of full mailboxes, where nobody would ever make room, the
    newest message becomes a dead letter instead (`mailbox_cycle`)."""
    REFUSE = auto()
    """The sender gets MailboxFull."""
    DROP_OLDEST = auto()
    """The oldest waiting message becomes a dead letter."""
    DROP_NEWEST = auto()
    """The new message becomes a dead letter."""


class Mailbox(Generic[E]):
    """What waits for one actor, oldest first within a lane, unless the user lane goes by priority."""

    __slots__ = ("capacity", "system", "user")

    def __init__(self, capacity: int = MAILBOX_CAPACITY, user: PriorityLane[E] | None = None) -> None:
        self.capacity = capacity
        self.user: deque[E] | PriorityLane[E] = deque() if user is None else user
        self.system: deque[E] | None = None

    @property
    def full(self) -> bool:
        return len(self.user) >= self.capacity

    def __len__(self) -> int:
        return len(self.user) + (len(self.system) if self.system else 0)

    def put_system(self, item: E) -> None:
        if self.system is None:
            self.system = deque()
        self.system.append(item)

    def put_back(self, item: E) -> None:
        """At the head of the user lane: it was taken from there, and is to be tried again."""
        self.user.appendleft(item)

    def offer(self, item: E, overflow: Overflow) -> tuple[bool, E | None]:
        """Whether the item was taken, and what was dropped for it. Not taken and nothing dropped: wait, or refuse."""
        if len(self.user) < self.capacity:
            self.user.append(item)
            return True, None
        if overflow is Overflow.DROP_OLDEST:
            user = self.user
            dropped = user.pop_oldest() if isinstance(user, PriorityLane) else user.popleft()
            self.user.append(item)
            return True, dropped
        if overflow is Overflow.DROP_NEWEST:
            return False, item
        return False, None

    def take(self) -> E:
        """The next item; IndexError when there is none."""
        if self.system:
            return self.system.popleft()
        return self.user.popleft()

    def remove(self, item: E) -> bool:
        """Take one item out, wherever it waits."""
        for lane in (self.user, self.system):
            if lane and item in lane:
                lane.remove(item)
                return True
        return False

    def waiting(self) -> list[E]:
        """What there is, in the order in which it will be handled."""
        return [*(self.system or ()), *self.user]

    def drain(self) -> list[E]:
        """Everything, in the order it would have been handled."""
        items = self.waiting()
        self.user.clear()
        self.system = None
        return items
