"""The names of an account's queues at work: who there is, and that a queue begins and ends whole.

A name is kept before its queue is asked to open or to close, and again when it has answered; what a crash
interrupts between is taken up again at the start, and both may be asked twice. A redrive policy is judged here and
kept by its queue, so who lists the sources of a dead-letter queue is told what the queues themselves say.
"""

from collections.abc import Mapping
from functools import partial

from typing_extensions import override

from actors import Address, Deferred, Ref, receive
from actors.actor import StartReason
from actors.durable import DurableActor, Stored
from actors.errors import StoreFull
from patterns.queue.errors import InvalidParameterValue, QueueDoesNotExist, QueueError
from patterns.queue.inner import Closed, Opened, Reaffirmed, SourcesFound, TakeUpAgain
from patterns.queue.messages import (
    CloseQueue,
    CreateQueue,
    DeleteQueue,
    FindQueue,
    GetQueueAttributes,
    ListDeadLetterSourceQueues,
    ListQueues,
    NamesMessage,
    QueueMessage,
    QueuePage,
    ReaffirmQueue,
    SetRedrive,
)
from patterns.queue.names import Entry, Names, NamesChange, Status
from patterns.queue.names_rows import GONE, NAMES, names_change_of, names_writes_of
from patterns.queue.redrive import parse_redrive
from patterns.queue.rules import Rules

ActorMessage = NamesMessage | Opened | Reaffirmed | Closed | TakeUpAgain | SourcesFound

AGAIN_AFTER = 1.0
"""Seconds between two tries to open or to close a queue."""


class NamesActor(DurableActor[ActorMessage]):
    """`/queue/<account>/<region>`."""

    def __init__(self, address: Address, rules: Rules) -> None:
        _, account, region = address.segments
        self.state = Names(account, region, recreate_rule=rules.recreate)
        self.asked = 0

    @override
    async def load(self, stored: Stored) -> None:
        changes: list[NamesChange] = []
        for prefix in (NAMES, GONE):
            after = ""
            while page := await stored.scan(prefix, after):
                changes += [names_change_of(key, value) for key, value in page]
                after = page[-1][0]
        names = self.state
        self.state = Names.restored(names.account, names.region, changes, recreate_rule=names.recreate_rule)

    @override
    async def started(self, reason: StartReason) -> None:
        for entry in self.state.unfinished():
            self.take_up(entry)

    @override
    def holds_nothing(self) -> bool:
        return not (self.state.entries or self.state.deleted_at)

    # --- create ----------------------------------------------------------------------------------------

    @receive(CreateQueue)
    def on_create(self, message: CreateQueue) -> Deferred[str]:
        made = self.state.create(message, self.ctx.now, self.ctx.entropy.uuid)
        if isinstance(made, Entry):
            self.keep(made)
            self.open(made)
            return self.ctx.defer(self.key("create", message.name))
        key = self.key("reaffirm", message.name)
        if made is not None:
            self.reaffirm(key, message.name, made)
        return self.ctx.defer(key)  # where it is None, `on_closed` goes on

    def create_again(self, key: str, asked: CreateQueue) -> None:
        """The queue that had the name is gone: make it now, and let the new one judge who has waited, the first too."""
        try:
            made = self.state.create(asked, self.ctx.now, self.ctx.entropy.uuid)
            if isinstance(made, Entry):
                self.keep(made)
                self.open(made)
        except (QueueError, StoreFull) as refusal:
            self.ctx.refuse(key, refusal)
        else:
            self.reaffirm(key, asked.name, ReaffirmQueue(attributes=asked.attributes))

    @receive(Opened)
    def on_opened(self, message: Opened) -> None:
        entry = self.state.entries.get(message.name)
        error = message.error
        if error is None and entry is not None and entry.status is Status.CREATING:
            error = self.kept(self.state.opened(message.name))
        if error is None:
            self.resolve("create", message.name, message.name)
        else:
            self.put_off("create", message.name, error)

    @receive(Reaffirmed)
    def on_reaffirmed(self, message: Reaffirmed) -> None:
        asked = self.ctx.deferred.get(message.key)
        if message.error is None:
            self.ctx.resolve(message.key, message.name)
        elif isinstance(message.error, QueueDoesNotExist) and isinstance(asked, CreateQueue):
            self.judge_again(message.key, asked)
        else:
            self.ctx.refuse(message.key, message.error)

    def judge_again(self, key: str, asked: CreateQueue) -> None:
        """There was no queue to judge it: a DeleteQueue came between, or it overtook the queue's opening."""
        entry = self.state.entries.get(asked.name)
        if entry is not None and entry.status is Status.CREATING:
            self.open(entry)  # its answer may have overtaken this one in turn, or it has failed
        if entry is None or entry.status is not Status.DELETING or self.state.recreate_rule:
            self.create_again(key, asked)

    # --- find and list ---------------------------------------------------------------------------------

    @receive(FindQueue)
    def on_find(self, message: FindQueue) -> str:
        return self.state.find(message.name).name

    @receive(ListQueues)
    def on_list(self, message: ListQueues) -> QueuePage:
        return self.state.listed(message)

    @receive(ListDeadLetterSourceQueues)
    def on_sources(self, message: ListDeadLetterSourceQueues) -> QueuePage | Deferred[QueuePage]:
        candidates = self.state.candidates(message)
        if not candidates:
            return self.state.sources(message, ())
        key = self.key("sources", message.name)
        queues = {name: self.queue(name) for name in candidates}
        self.ctx.pipe(partial(_sources, queues, self.state.arn(message.name)), partial(_found, key))
        return self.ctx.defer(key)

    @receive(SourcesFound)
    def on_sources_found(self, message: SourcesFound) -> None:
        asked = self.ctx.deferred.get(message.key)
        if isinstance(message.found, Exception):
            self.ctx.refuse(message.key, message.found)
        elif isinstance(asked, ListDeadLetterSourceQueues):
            try:
                page = self.state.sources(asked, message.found)
            except InvalidParameterValue as refusal:
                self.ctx.refuse(message.key, refusal)
            else:
                self.ctx.resolve(message.key, page)

    @receive(SetRedrive)
    def on_redrive(self, message: SetRedrive) -> None:
        self.keep(self.state.set_redrive(message))

    # --- delete ----------------------------------------------------------------------------------------

    @receive(DeleteQueue)
    def on_delete(self, message: DeleteQueue) -> Deferred[None]:
        self.keep(self.state.delete(message.name))
        self.close(message.name)
        return self.ctx.defer(self.key("delete", message.name))

    @receive(Closed)
    def on_closed(self, message: Closed) -> None:
        entry = self.state.entries.get(message.name)
        error = message.error
        if error is None and entry is not None and entry.status is Status.DELETING:
            error = self.kept(self.state.closed(message.name, self.ctx.now))
        if error is not None:
            self.put_off("delete", message.name, error)
            return
        self.resolve("delete", message.name, None)
        for key, asked in list(self.ctx.deferred.items()):
            if isinstance(asked, CreateQueue) and asked.name == message.name:
                self.create_again(key, asked)

    # --- what is not finished --------------------------------------------------------------------------

    def kept(self, change: NamesChange) -> StoreFull | None:
        """Keep it, if the disk has room; nobody would hear of the refusal of what the actor tells itself."""
        try:
            self.keep(change)
        except StoreFull as full:
            return full
        return None

    def put_off(self, kind: str, name: str, error: Exception) -> None:
        """Who has asked hears why, and who waits for it; the name stays as it is, and its queue is asked again."""
        self.refuse(kind, name, error)
        self.refuse("reaffirm", name, error)
        self.ctx.timer(f"again/{name}", AGAIN_AFTER, TakeUpAgain(name=name))

    @receive(TakeUpAgain)
    def on_take_up_again(self, message: TakeUpAgain) -> None:
        entry = self.state.entries.get(message.name)
        if entry is not None and entry.status is not Status.ACTIVE:
            self.take_up(entry)

    def take_up(self, entry: Entry) -> None:
        if entry.status is Status.CREATING:
            self.open(entry)
        else:
            self.close(entry.name)

    # --- what they share -------------------------------------------------------------------------------

    def open(self, entry: Entry) -> None:
        queue, opening, name = self.queue(entry.name), entry.opening, entry.name
        self.ctx.pipe(lambda: queue.ask(opening), lambda result: Opened(name=name, error=_error(result)))

    def reaffirm(self, key: str, name: str, question: ReaffirmQueue) -> None:
        queue = self.queue(name)
        self.ctx.pipe(
            lambda: queue.ask(question), lambda result: Reaffirmed(key=key, name=name, error=_error(result))
        )

    def close(self, name: str) -> None:
        queue = self.queue(name)
        self.ctx.pipe(lambda: queue.ask(CloseQueue()), lambda result: Closed(name=name, error=_error(result)))

    def queue(self, name: str) -> Ref[QueueMessage]:
        return self.ctx.ref(Address.of("queue", self.state.account, self.state.region, name))

    def keep(self, change: NamesChange) -> None:
        self.ctx.stage(*names_writes_of(change))
        self.state.apply(change)

    def key(self, kind: str, name: str) -> str:
        self.asked += 1
        return f"{kind}/{name}/{self.asked}"

    def resolve(self, kind: str, name: str, reply: str | None) -> None:
        for key in [key for key in self.ctx.deferred if key.startswith(f"{kind}/{name}/")]:
            self.ctx.resolve(key, reply)

    def refuse(self, kind: str, name: str, error: Exception) -> None:
        for key in [key for key in self.ctx.deferred if key.startswith(f"{kind}/{name}/")]:
            self.ctx.refuse(key, error)


async def _sources(queues: Mapping[str, Ref[QueueMessage]], target: str) -> tuple[str, ...]:
    """Those whose policy names `target`: each is asked, since what was judged may never have come to be."""
    found: list[str] = []
    for name, queue in queues.items():
        try:
            shown = await queue.ask(GetQueueAttributes(names=("RedrivePolicy",)))
        except QueueDoesNotExist:
            continue
        redrive = parse_redrive(shown.get("RedrivePolicy", ""))
        if redrive is not None and redrive.target == target:
            found.append(name)
    return tuple(found)


def _found(key: str, result: tuple[str, ...] | Exception) -> SourcesFound:
    return SourcesFound(key=key, found=result)


def _error(result: object) -> Exception | None:
    return result if isinstance(result, Exception) else None
