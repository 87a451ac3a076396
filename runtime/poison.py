"""Poison: what becomes of the message that crashed its actor, by the policy of the actor's spec.

Dropped, its asker gets ActorCrashed at once. Tried again, it goes back to the head of the mailbox, so that the
order is kept, and its asker waits. Its envelope counts the tries, and the cell nothing: of an actor that interleaves,
two may be tried again in turns.
"""

from typing import Any

import outcome

from actors.errors import ActorCrashed
from actors.supervision import Directive, Drop
from runtime.cell import Cell
from runtime.crash_text import named
from runtime.envelope import Envelope, Pending, asked
from runtime.letters import DeadLetters
from runtime.mailboxes import mailbox_for
from runtime.waits import queue_again

GOES_ON = (Directive.RESUME, Directive.RESTART)
"""After any other, nobody is there to try it again."""


def once_more(
    cell: Cell, message: Any, pending: Pending | None, envelope: Envelope | None, error: Exception
) -> bool:
    """Put it back, if it may be tried again; False: it is dropped. `envelope`: the one it came in, unless it was driven inline."""
    policy = cell.spec.poison
    if isinstance(policy, Drop) or cell.spec.directive(error) not in GOES_ON:
        return False
    if envelope is None and pending is None:
        return False  # its asker, in whose task it was driven, has left
    if envelope is not None and envelope.timer is not None:
        return False  # a timer's message, or a pipe's result, is for the past incarnation alone
    again = envelope or asked(message, pending)
    if again.tries >= policy.times:
        return False
    if pending is not None and not queue_again(cell, pending, again):
        return False
    again.tries += 1
    if cell.mailbox is None:
        cell.mailbox = mailbox_for(cell)
    cell.mailbox.put_back(again)
    return True


def not_again(cell: Cell, error: Exception, letters: DeadLetters) -> None:
    """`error` was one crash too many, and nobody begins anew: what was to be tried again has crashed its actor for good."""
    mailbox = cell.mailbox
    if mailbox is None:
        return
    for envelope in [one for one in mailbox.user if one.tries]:
        mailbox.remove(envelope)
        if envelope.pending is not None:
            tell_crashed(cell, envelope.pending, error)
        else:
            letters.add(cell.address, envelope, "crashed", cell.crash)


def tell_crashed(cell: Cell, pending: Pending, error: Exception) -> None:
    """The asker's message has crashed its actor, and is not tried again."""
    if pending.raise_cancel is None:
        pending.settle(outcome.Error(crashed_by(cell, error)))
    else:
        pending.cancelled()


def crashed_by(cell: Cell, error: Exception) -> ActorCrashed:
    """What whoever has asked a crashed actor is told."""
    crashed = ActorCrashed(f"{cell.address}: {named(error)}")
    crashed.__cause__ = error
    return crashed
