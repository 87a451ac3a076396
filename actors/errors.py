"""What an asker, a sender, a spawner or a handler may be told by the runtime; a message's own refusals come beside them."""

from collections.abc import Sequence
from itertools import zip_longest


class ActorError(Exception):
    """What the runtime itself answers."""


class ActorCrashed(ActorError):
    """The handler raised something that its message does not list; `__cause__` is what it raised."""


class ActorStopped(ActorError):
    """The actor ended before it answered."""


class ActorRestarted(ActorError):
    """The incarnation that had deferred this ask is over; ask again."""


class ActorRestarting(ActorError):
    """The actor waits for its restart, and its spec says `fail_fast`: ask again later."""


class StartFailed(ActorError):
    """The actor could not be built, loaded or started; `__cause__` says why."""


class Stopping(ActorError):
    """The system has not begun, shuts down, or has ended: it takes nothing from outside. The text says which."""


class AskTimeout(ActorError):
    """No answer `within` the time given. `begun`: the handler had started, and was cancelled."""

    def __init__(self, text: str, *, begun: bool) -> None:
        super().__init__(text)
        self.begun = begun


class AskCycle(ActorError):
    """The chain of asks comes back to an actor that waits in it: it would never be answered.

    `chain`: the addresses, each of which waits for the next; the text says for what.
    """

    hint = "nobody there would go on: tell instead of ask"

    def __init__(self, chain: list[str], waits: Sequence[str] = ()) -> None:
        """`waits`: what each but the last waits for at the next; a reply, if that is not said."""
        links = (f" -> ({what}) {to}" for to, what in zip_longest(chain[1:], waits, fillvalue="reply"))
        super().__init__(f"{chain[0]}{''.join(links)}: {self.hint}")
        self.chain = chain


class MailboxCycle(AskCycle):
    """As AskCycle, but not by asks alone: an actor of the chain waits for room in another's mailbox, or for its end.

    Of what is told into such a circle no sender hears: it is a dead letter, `mailbox_cycle`.
    """

    hint = "nobody there would go on: tell instead of ask, `ctx.stop` does not wait, and a larger mailbox has room"


class MailboxFull(ActorError):
    """The mailbox holds its bound and its policy is to refuse."""


class DeadLettered(ActorError):
    """The message reached nobody; `reason` is one of the dead letters' reasons."""

    def __init__(self, address: str, reason: str, text: str = "") -> None:
        super().__init__(f"{address}: {text or reason}")
        self.reason = reason


class Stale(DeadLettered):
    """The incarnation that an exact ref means is over."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "stale", "the incarnation that was meant is over")


class TooManyDeferred(ActorError):
    """The actor keeps as many askers waiting as its class allows (`deferred_max`)."""


class TooManyPipes(ActorError):
    """The actor has as many pipes under way as its class allows (`pipes_max`), their unhandled results counted."""


class TooManyChildren(ActorError):
    """The actor has as many children as its class allows (`children_max`)."""


class NameTaken(ActorError):
    """A sibling of that name lives."""


class BadSpec(ActorError):
    """A spec or policy that cannot be; the text names the field and its limit."""


class RestartLimit(ActorError):
    """More failures than the restart intensity allows; `__cause__` is the last of them."""


class Fenced(ActorError):
    """This incarnation is over: its context refuses every effect."""


class WrongTask(ActorError):
    """A context was used outside its own turn: from a pipe's task, from outside, or in another actor's.

    Looked for in the lab alone, where it ends the run; everywhere, of a task that a turn within another has left behind.
    """


class NotInADurableTurn(ActorError):
    """A durable actor may wait for reads alone; send by `ctx.pipe`."""


class TurnTooLong(ActorError):
    """A turn waited for more than its class allows (`max_turn`), and was cancelled: a crash."""


class DirtySuspension(ActorError):
    """A durable handler waited after its first change: a client that hangs up there would force a reload. Read, then decide."""


class ReadOnlyTurn(ActorError):
    """A handler marked `readonly` has staged something, or called what does: a crash; nothing of it is kept."""


class DirtyRefusal(ActorError):
    """A refusal was raised after something was staged or told; a refusal must change nothing."""


class TimerLimit(ActorError):
    """An actor holds at most `TIMERS_MAX` timers."""


class OutboxFull(ActorError):
    """As many messages as its class allows (`outbox_max`) wait to be delivered: nothing has changed."""


class CallOpen(ActorError):
    """A call to the outside is open under this key already: nothing has changed."""


class TooManyCalls(ActorError):
    """As many calls to the outside as the class allows (`calls_max`) are open: nothing has changed."""


class NotInDoubt(ActorError):
    """No call under this key waits for a decision: nothing has changed."""


class StoreFull(ActorError):
    """The disk is full or read-only; nothing was written, reads go on. The store tries by itself to write again."""


class CommitFailed(ActorError):
    """What the actor staged was not written; it did not happen. `__cause__` says why."""


class NotOwner(CommitFailed):
    """The fence: another owner has written this actor."""


class OutcomeUnknown(ActorError):
    """The commit may or may not have happened: ask again only what may be done twice."""


class WorkerFailed(ActorError):
    """Work in another process raised; the text is its error, the note its traceback."""


class WorkerDied(ActorError):
    """The process of a piece of work ended before the work did: killed, out of memory, or it left by itself."""


class NotInThisState(ActorError):
    """The actor's present state has no handler for the message, and its class says REFUSE."""


class DeathPact(ActorError):
    """A watched actor has ended, and the watcher has no handler for `Terminated`: it fails too."""


class StashFull(ActorError):
    """The stash holds as many messages as the mailbox may: the message is refused."""


class MutableMessage(TypeError):
    """A message class that is not frozen, or a field of it that can be changed; the text says what to write instead."""


class BadMachine(TypeError):
    """States that do not fit together: the text names the class and the state."""


class ReplyNotAwaited(ActorError):
    """A handler returned a coroutine or a generator instead of a reply: a crash."""


class DeferredNotReturned(ActorError):
    """A turn called `ctx.defer`, `stash`, `forward` or `answer` and did not return what that gave: a crash."""

    def __init__(self, address: str, message: object, call: str) -> None:
        turn = "its start or end" if message is None else f"the handler of {type(message).__name__}"
        super().__init__(f"{address}: {turn} left an asker behind: write `return self.ctx.{call}(...)`")


class NotDurable(ActorError):
    """A volatile actor used what only a durable one has: `ctx.stage`, `read`, `records`.

    What it wrote nobody would read back, and its next incarnation could write no more.
    """

    def __init__(self, address: str, kind: str, call: str) -> None:
        super().__init__(f"{address}: {kind} is volatile, ctx.{call} is for a DurableActor alone")


class BadHandler(TypeError):
    """A method that the runtime could not call: a handler that is a generator, a hook or handler of the wrong form."""


class MissingHandler(TypeError):
    """A member of the actor's protocol has no handler."""


class MessageMutated(ActorError):
    """A message, which is passed as it is, was changed after it had been sent and before its turn began.

    `message` and `field` name what was changed; `had` who had it: its sender first, then those that it was sent to.
    """

    def __init__(self, message: str, field: str, had: tuple[str, ...]) -> None:
        way = " -> ".join(had)
        super().__init__(
            f"{message}.{field} was changed on its way ({way}): send a copy, or what cannot change"
        )
        self.message = message
        self.field = field
        self.had = had


class DuplicateHandler(TypeError):
    """Two handlers for one message."""


class ForeignHandler(TypeError):
    """A handler for a message outside the protocol."""


class KeyTaken(ActorError):
    """The registry's key is declared `single`, and another actor holds it."""


class NoRoutee(DeadLettered):
    """The router has nobody to pass the message on to."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "no_such_address")


class NotRouted(DeadLettered):
    """The router's policy has nothing to do with this message; the text says why, and what to send instead."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(address, "unhandled")
        self.args = (f"{address}: {why}",)


class RateLimited(DeadLettered):
    """More messages than the limit allows; the next may be tried in `retry_after` seconds."""

    def __init__(self, address: str, retry_after: float) -> None:
        text = f"more messages than the limit allows; the next in {retry_after:.3g} s"
        super().__init__(address, "refused_by_policy", text)
        self.retry_after = retry_after


class CircuitOpen(DeadLettered):
    """The actor has failed too often, and is not asked; the next may be tried in `retry_after` seconds."""

    def __init__(self, address: str, retry_after: float) -> None:
        text = f"the circuit is open after too many failures; the next in {retry_after:.3g} s"
        super().__init__(address, "refused_by_policy", text)
        self.retry_after = retry_after


REFUSALS: tuple[type[ActorError], ...] = (
    CallOpen,
    NoRoutee,
    NotInDoubt,
    NotInThisState,
    NotRouted,
    OutboxFull,
    StashFull,
    StoreFull,
    TooManyCalls,
    TooManyChildren,
    TooManyDeferred,
    TooManyPipes,
)
"""What the context itself refuses: as any refusal it goes to the asker, whatever the message lists."""
