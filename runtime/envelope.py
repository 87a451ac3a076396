"""What a mailbox holds, and the asker's end of it."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NoReturn, Protocol

import outcome
import trio
from trio.lowlevel import Abort, Task

from actors.address import Address


class Stage(Enum):
    """How far an ask has come; it decides what a cancelled asker means."""

    QUEUED = auto()
    """Not begun: it never happens."""
    BEGUN = auto()
    """The handler's scope is cancelled, and the asker goes on when its cleanup has ended."""
    RETURNED = auto()
    """Deferred, or waiting for the commit: the asker is free at once, what was done stands."""
    DONE = auto()


class Pending:
    """The asker's end: completed exactly once, by the first of reply, refusal, the actor's end and cancellation."""

    __slots__ = ("_result", "_task", "asker", "began", "edge", "leave", "raise_cancel", "scope", "stage")

    def __init__(self, leave: Callable[[], None] | None = None, asker: Any = None) -> None:
        self.asker = asker
        """The cell whose turn asks, which this file cannot name; None: from outside, where no turn waits."""
        self.edge: tuple[list[Any], Any] | None = None
        """The cell that the asker's turn waits for, and the edges that it stands among."""
        self.stage = Stage.QUEUED
        self.began = False
        self.leave = leave
        """Called when the asker is cancelled: takes the envelope, or the deferred entry, away."""
        self.scope: trio.CancelScope | None = None
        self.raise_cancel: Callable[[], NoReturn] | None = None
        self._task: Task | None = None
        self._result: outcome.Maybe[Any] | None = None

    def begin(self, scope: trio.CancelScope) -> None:
        self.stage = Stage.BEGUN
        self.began = True
        self.scope = scope

    def returned(self, leave: Callable[[], None] | None = None) -> None:
        if self.stage is Stage.DONE:
            return
        self.stage = Stage.RETURNED
        self.leave = leave
        if leave is not None:
            self.free()  # deferred, it keeps no turn from ending
        if self.raise_cancel is not None:
            # cancelled in the turn, and the handler went on to its end: Trio does not ask a second time
            if leave is not None:
                leave()
            self.cancelled()

    def settle(self, result: outcome.Maybe[Any]) -> bool:
        """Complete the ask; False: somebody was first, and a late reply goes nowhere."""
        if self.stage is Stage.DONE:
            return False
        self.stage = Stage.DONE
        if self.edge is not None:
            self.free()  # before its task goes on: until then others may look for circles
        if self._task is None:
            self._result = result
        else:
            trio.lowlevel.reschedule(self._task, result)
        return True

    def free(self) -> None:
        """The asker's turn waits for no cell any more."""
        if self.edge is not None:
            edges, target = self.edge
            edges.remove(target)
            self.edge = None

    def cancelled(self) -> None:
        """The handler ended by cancellation: the asker's own Cancelled, never the handler's, which belongs to another task."""
        if self.raise_cancel is not None:
            self.settle(outcome.capture(self.raise_cancel))

    @property
    def settled(self) -> bool:
        """The answer is there: `wait` will not wait."""
        return self._result is not None

    @property
    def held(self) -> bool:
        """It may take long: in a mailbox, in a turn, or deferred; not merely behind a commit."""
        return self._result is None and (self.stage is not Stage.RETURNED or self.leave is not None)

    def abandon(self) -> None:
        """Nobody will wait for it any more: as if the asker had been cancelled, whether it had begun to wait or not."""
        if self.stage is Stage.DONE:
            return
        if self.leave is not None:
            self.leave()
        if self.stage is Stage.BEGUN and self.scope is not None:
            self.scope.cancel()
        self.stage = Stage.DONE

    @trio.lowlevel.enable_ki_protection  # a Ctrl-C before it waits would leave us a task that has ended
    async def wait(self) -> Any:
        if self._result is not None:
            return self._result.unwrap()
        self._task = trio.lowlevel.current_task()
        return await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, raise_cancel: Callable[[], NoReturn]) -> Abort:
        if self.stage is Stage.BEGUN:
            assert self.scope is not None
            self.raise_cancel = raise_cancel
            self.scope.cancel()
            return Abort.FAILED
        if self.leave is not None:
            self.leave()
        self.stage = Stage.DONE
        return Abort.SUCCEEDED


class Ticket(Protocol):
    """Of a message that an incarnation sends to itself, a timer's or a pipe's: it may be void before its turn comes."""

    def taken(self) -> bool:
        """Its turn has come; False: it is no longer wanted."""
        ...


class Only:
    """The ticket of a message for one incarnation alone; `stale` is told when it has come to a later one."""

    __slots__ = ("_envelope", "_lives", "_stale")

    def __init__(
        self, envelope: "Envelope", lives: Callable[[], bool], stale: "Callable[[Envelope], None]"
    ) -> None:
        self._envelope = envelope
        self._lives = lives
        self._stale = stale

    def taken(self) -> bool:
        """From here on it is a message like any other: its crash, its stash, its next try."""
        self._envelope.timer = None
        if self._lives():
            return True
        self._stale(self._envelope)
        return False


class Envelope:
    """One message on its way; made by the router, never seen by a handler."""

    __slots__ = ("id", "message", "pending", "sender", "timer", "tries")

    def __init__(
        self,
        message: Any,
        number: int,
        sender: Address | None = None,
        pending: Pending | None = None,
        timer: Ticket | None = None,
    ) -> None:
        self.message = message
        self.id = number
        self.sender = sender
        self.pending = pending
        self.timer = timer
        self.tries = 0
        """How often it has come back to the mailbox, because its turn crashed."""

    @property
    def left(self) -> bool:
        """Its asker has been told already, or has left: nobody wants it any more."""
        return self.pending is not None and self.pending.stage is Stage.DONE

    @property
    def own(self) -> bool:
        """Its receiver's own, or the runtime's: nobody else minds whether it is handled."""
        return self.timer is not None and not isinstance(self.timer, Only)


def asked(message: Any, pending: Pending | None) -> Envelope:
    """Of what was driven inline, and has to wait now: its asker had need of none."""
    sender = None if pending is None or pending.asker is None else pending.asker.address
    return Envelope(message, 0, sender, pending)
