"""One queue at work; a handler reads as the story of one message.

Long polls are deferred askers, served one a turn by `Serve`: when something has come, and by a timer that is set
for the next end of a delay or of a visibility timeout while somebody waits.
"""

from collections.abc import Sequence
from functools import partial

from typing_extensions import override

from actors import Address, Deferred, receive
from actors.actor import StartReason
from actors.durable import DeletePrefix, DurableActor, Stored, Write
from actors.errors import StoreFull
from patterns.queue.answers import received
from patterns.queue.arn import queue_arn, queue_of
from patterns.queue.changes import Change, Expired, Sends, Taken
from patterns.queue.dead_letters import adopt, bring_back, settle
from patterns.queue.errors import OverLimit, QueueDoesNotExist, QueueError
from patterns.queue.inner import HandedOver, RedriveJudged, SendOff, Serve
from patterns.queue.loading import Loader, meta_of
from patterns.queue.messages import (
    Adopt,
    BatchResult,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    CloseQueue,
    DeleteMessage,
    DeleteMessageBatch,
    GetQueueAttributes,
    ListQueueTags,
    OpenQueue,
    Parcel,
    PurgeQueue,
    QueueMessage,
    ReaffirmQueue,
    ReceivedMessages,
    ReceiveMessage,
    SendMessage,
    SendMessageBatch,
    Sent,
    SetQueueAttributes,
    SetRedrive,
    TagQueue,
    UntagQueue,
)
from patterns.queue.receiving import (
    change_visibility,
    change_visibility_batch,
    delete,
    delete_batch,
    handle,
    wait_of,
)
from patterns.queue.receiving import (
    receive as take,
)
from patterns.queue.rows import META, OUTGOING, keys_of, messages_of, parcel_of, parcels_of, writes_of
from patterns.queue.rules import Rules
from patterns.queue.sending import send, send_batch
from patterns.queue.state import Queue, opened

MOVE_WAIT = 10.0
"""Seconds that a receive which sent off dead letters waits for their adoption, so that both queues' counts agree."""
AGAIN_AFTER = 1.0
"""Seconds between two tries to hand over dead letters, and two looks at who waits while nothing can be kept."""

ActorMessage = QueueMessage | Serve | HandedOver | SendOff | RedriveJudged


class QueueActor(DurableActor[ActorMessage]):
    """`/queue/<account>/<region>/<name>`; until `OpenQueue`, and after `CloseQueue`, there is no queue here."""

    def __init__(self, address: Address, rules: Rules) -> None:
        _, self.account, self.region, self.name = address.segments
        self.rules = rules
        self.state: Queue | None = None
        self.parcels: dict[int, Parcel] = {}
        """Dead letters that no queue has answered for yet."""
        self.settled: dict[str, list[int]] = {}
        """By target: parcels that it may forget, told with the next ones."""
        self.held: dict[str, ReceivedMessages] = {}
        """What receives have taken that wait for their dead letters' adoption."""
        self.once: list[str] = []
        """Keys of short polls that wait for their dead letters' adoption; who has hung up stands here until then."""
        self.swept: list[Write] = []
        """Deletes of what has expired, for the next change to take along; before it, since a key may come again."""
        self.asked = 0

    @override
    async def load(self, stored: Stored) -> None:
        (meta,) = await stored.get([META])
        if meta is None:
            return
        loader = Loader(meta_of(meta), purge_rule=self.rules.purge)
        for prefix in Loader.PREFIXES:
            after = ""
            while page := await stored.scan(prefix, after):
                for key, value in page:
                    loader.add(key, value)
                    if prefix == OUTGOING:
                        parcel = parcel_of(key, value)
                        self.parcels[parcel.seq] = parcel
                after = page[-1][0]
        self.state = loader.queue()

    @override
    async def started(self, reason: StartReason) -> None:
        self.send_off(list(self.parcels.values()))

    @override
    def holds_nothing(self) -> bool:
        return self.state is None

    # --- producers -------------------------------------------------------------------------------------

    @receive(SendMessage)
    def on_send(self, message: SendMessage) -> Sent:
        change = send(self.queue(), message.entry, message.sender, self.ctx.now, self.ctx.entropy.uuid)
        self.keep_sends(change)
        return change.sent[0]

    @receive(SendMessageBatch)
    def on_send_batch(self, message: SendMessageBatch) -> BatchResult:
        change = send_batch(
            self.queue(), message.entries, message.sender, self.ctx.now, self.ctx.entropy.uuid
        )
        self.keep_sends(change)
        return change.result

    def keep_sends(self, change: Sends) -> None:
        if change.messages:  # a duplicate, or a batch that was refused whole, changes nothing
            self.keep(change)
            if any(message.visible_at <= message.born for message in change.messages):
                self.look_for_waiting()
            elif self.ctx.deferred:
                self.look_later()

    # --- consumers -------------------------------------------------------------------------------------

    @receive(ReceiveMessage)
    async def on_receive(self, message: ReceiveMessage) -> ReceivedMessages | Deferred[ReceivedMessages]:
        queue = self.queue()
        taken = take(queue, message, self.ctx.now)
        if not taken.hands and not taken.moves:
            return self.wait_for_one(message, wait_of(queue, message))
        answer = self.keep_taken(message, taken, await self.ctx.read(keys_of(taken)))
        if not taken.moves:
            return answer
        if taken.hands:
            key = self.key("held")
            self.held[key] = answer
            return self.ctx.defer(key, deadline=MOVE_WAIT, on_deadline=answer)
        wait = wait_of(queue, message)
        key = self.key("poll" if wait else "once")
        if not wait:
            self.once.append(key)
        return self.ctx.defer(key, deadline=wait or MOVE_WAIT, on_deadline=ReceivedMessages())

    def wait_for_one(
        self, message: ReceiveMessage, wait: float
    ) -> ReceivedMessages | Deferred[ReceivedMessages]:
        if not wait:
            return ReceivedMessages()
        deferred = self.ctx.defer(self.key("poll"), deadline=wait, on_deadline=ReceivedMessages())
        self.look_later()
        return deferred

    def keep_taken(
        self, message: ReceiveMessage, taken: Taken, rows: Sequence[bytes | None]
    ) -> ReceivedMessages:
        """Keep what was taken, and make the answer from its rows; dead letters go off."""
        assert self.state is not None
        queue = self.state
        messages = messages_of(taken, rows)
        self.keep(taken, rows)
        if taken.moves:
            self.send_off(self.outgoing(taken, rows))
        fifo = queue.settings.fifo
        return ReceivedMessages(
            [
                received(one, delivery, handle(queue, seq, delivery), message, fifo=fifo)
                for one, (seq, delivery) in zip(messages, taken.hands, strict=True)
            ]
        )

    @receive(Serve)
    async def on_serve(self, message: Serve) -> None:
        if self.state is None:
            return
        queue = self.queue()
        nothing_new = False
        for key, asked in self.ctx.deferred.items():
            if not isinstance(asked, ReceiveMessage) or key in self.held:
                continue
            if nothing_new and asked.attempt not in queue.attempts:
                continue
            taken = self.take_for(key, queue, asked)
            if taken.hands or taken.moves:
                await self.serve(key, asked, taken)
                return
            # nor for those behind, unless one repeats a receive: thousands may wait
            nothing_new = nothing_new or asked.attempt not in queue.attempts
            if nothing_new and not queue.attempts:
                break
        self.answer_once()
        self.look_later()

    async def serve(self, key: str, asked: ReceiveMessage, taken: Taken) -> None:
        rows = await self.ctx.read(keys_of(taken))
        if key in self.ctx.deferred:  # else it hung up while that was read: the next one gets it
            try:
                answer = self.keep_taken(asked, taken, rows)
            except StoreFull:  # nobody hears of it: look again when there may be room
                self.ctx.timer("serve-again", AGAIN_AFTER, Serve())
                return
            if answer.messages:
                self.ctx.resolve(key, answer)
                if key in self.once:
                    self.once.remove(key)
        self.look_for_waiting()  # one a turn: reading comes before the first change

    def answer_once(self) -> None:
        """Short polls have waited for the adoption of dead letters, and behind these there was nothing for them."""
        if self.once and not self.parcels:
            for key in self.once:
                self.ctx.resolve(key, ReceivedMessages())
            self.once.clear()

    def take_for(self, key: str, queue: Queue, asked: ReceiveMessage) -> Taken:
        try:
            return take(queue, asked, self.ctx.now)
        except OverLimit as refusal:  # a long poll waits on, whatever the queue's own wait has become
            if key in self.once:
                self.once.remove(key)
                self.ctx.refuse(key, refusal)
            return Taken()

    @receive(DeleteMessage)
    def on_delete(self, message: DeleteMessage) -> None:
        self.keep_freeing(delete(self.queue(), message.receipt_handle))

    @receive(DeleteMessageBatch)
    def on_delete_batch(self, message: DeleteMessageBatch) -> BatchResult:
        change = delete_batch(self.queue(), message.entries)
        self.keep_freeing(change)
        return change.result

    @receive(ChangeMessageVisibility)
    def on_visibility(self, message: ChangeMessageVisibility) -> None:
        handle, timeout = message.receipt_handle, message.timeout
        self.keep_freeing(change_visibility(self.queue(), handle, timeout, self.ctx.now))

    @receive(ChangeMessageVisibilityBatch)
    def on_visibility_batch(self, message: ChangeMessageVisibilityBatch) -> BatchResult:
        change = change_visibility_batch(self.queue(), message.entries, self.ctx.now)
        self.keep_freeing(change)
        return change.result

    def keep_freeing(self, change: Change) -> None:
        """What may show a message to somebody who waits: a visibility of 0, a FIFO group that is free again."""
        self.keep(change)
        self.look_for_waiting()

    # --- the queue itself ------------------------------------------------------------------------------

    @receive(PurgeQueue)
    def on_purge(self, message: PurgeQueue) -> None:
        self.keep(self.queue().purge(self.ctx.now))

    @receive(GetQueueAttributes)
    def on_get(self, message: GetQueueAttributes) -> dict[str, str]:
        return self.queue().shown(message.names)

    @receive(SetQueueAttributes)
    def on_set(self, message: SetQueueAttributes) -> Deferred[None] | None:
        change = self.queue().set_attributes(message.attributes, self.ctx.now)
        redrive = message.attributes.get("RedrivePolicy")
        allow = message.attributes.get("RedriveAllowPolicy")
        if redrive is None and allow is None:
            self.keep_freeing(change)
            return None
        key = self.key("set")
        names = self.ctx.ref(Address.of("queue", self.account, self.region))
        question = SetRedrive(name=self.name, redrive_policy=redrive, redrive_allow_policy=allow)
        self.ctx.pipe(partial(names.ask, question), partial(RedriveJudged.of, key, message.attributes))
        return self.ctx.defer(key)

    @receive(RedriveJudged)
    def on_redrive_judged(self, message: RedriveJudged) -> None:
        if self.state is None:
            self.ctx.refuse(message.key, QueueDoesNotExist())
        elif message.error is not None:
            self.ctx.refuse(message.key, message.error)
        else:
            try:
                self.keep_freeing(self.queue().set_attributes(message.attributes, self.ctx.now))
            except (QueueError, StoreFull) as refusal:
                # another call came between, and with what it set these do not go; or the disk is full
                self.ctx.refuse(message.key, refusal)
            else:
                self.ctx.resolve(message.key, None)

    @receive(TagQueue)
    def on_tag(self, message: TagQueue) -> None:
        self.keep(self.queue().tag(message.tags))

    @receive(UntagQueue)
    def on_untag(self, message: UntagQueue) -> None:
        self.keep(self.queue().untag(message.keys))

    @receive(ListQueueTags)
    def on_tags(self, message: ListQueueTags) -> dict[str, str]:
        return dict(self.queue().meta.tags)

    @receive(OpenQueue)
    def on_open(self, message: OpenQueue) -> None:
        if self.state is None:
            change = opened(message, self.name, queue_arn(self.account, self.region, self.name))
            self.ctx.stage(*writes_of(change))
            self.state = Queue(change.meta, purge_rule=self.rules.purge)

    @receive(ReaffirmQueue)
    def on_reaffirm(self, message: ReaffirmQueue) -> None:
        self.queue().reaffirm(message.attributes)

    @receive(CloseQueue)
    def on_close(self, message: CloseQueue) -> None:
        self.ctx.stage(DeletePrefix(""))  # before anybody is answered: a full disk refuses it
        for key, asked in list(self.ctx.deferred.items()):
            if isinstance(asked, ReceiveMessage):
                self.ctx.resolve(key, self.held.get(key, ReceivedMessages()))
        self.state = None
        for memory in (self.parcels, self.settled, self.held, self.once, self.swept):
            memory.clear()

    # --- dead letters ----------------------------------------------------------------------------------

    @receive(Adopt)
    def on_adopt(self, message: Adopt) -> None:
        queue, source_id = self.queue(), message.source_id
        self.keep_freeing(
            adopt(queue, message.source, message.parcels, message.settled, self.ctx.now, source_id=source_id)
        )

    @receive(HandedOver)
    def on_handed_over(self, message: HandedOver) -> None:
        if self.state is None:
            return
        parcels = [parcel for parcel in message.parcels if parcel.seq in self.parcels]
        try:
            self.keep_answer(message.outcome, parcels)
        except StoreFull:  # the parcels are still here: hand them over again when there is room to say so
            self.ctx.timer("send-off", AGAIN_AFTER, SendOff())
        for key in list(self.held):
            self.ctx.resolve(key, self.held.pop(key))
        if message.outcome == "missing":
            self.look_again()
        else:
            self.look_for_waiting()

    def keep_answer(self, outcome: str, parcels: Sequence[Parcel]) -> None:
        if outcome == "again":
            self.ctx.timer("send-off", AGAIN_AFTER, SendOff())
        elif outcome == "missing":
            self.take_back(parcels)
        elif parcels:
            self.keep(settle(self.queue(), [parcel.seq for parcel in parcels]))
            for parcel in parcels:
                del self.parcels[parcel.seq]
                self.settled.setdefault(parcel.target, []).append(parcel.seq)

    def take_back(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            self.keep(bring_back(self.queue(), parcel))
            del self.parcels[parcel.seq]

    @receive(SendOff)
    def on_send_off(self, message: SendOff) -> None:
        self.send_off(list(self.parcels.values()))

    def outgoing(self, taken: Taken, rows: Sequence[bytes | None]) -> list[Parcel]:
        parcels = parcels_of(taken, rows)
        self.parcels.update({parcel.seq: parcel for parcel in parcels})
        return parcels

    def send_off(self, parcels: Sequence[Parcel]) -> None:
        """Ask each target to adopt its parcels; the answer comes back as `HandedOver`."""
        for target in sorted({parcel.target for parcel in parcels}):
            batch = tuple(parcel for parcel in parcels if parcel.target == target)
            found = queue_of(target)
            assert found is not None, f"a redrive policy named {target}"
            account, region, name = found
            ref = self.ctx.ref(Address.of("queue", account, region, name))
            adoption = Adopt(
                source=queue_arn(self.account, self.region, self.name),
                parcels=batch,
                settled=tuple(self.settled.pop(target, ())),
                source_id=self.state.meta.queue_id if self.state is not None else "",
            )
            self.ctx.pipe(partial(ref.ask, adoption), partial(HandedOver.of, batch))

    # --- what they share -------------------------------------------------------------------------------

    def queue(self) -> Queue:
        """The queue as it stands now. Raises QueueDoesNotExist."""
        queue = self.state
        if queue is None:
            raise QueueDoesNotExist
        over = queue.advance(self.ctx.now)
        if over is not None:
            self.expire(queue, over)
        return queue

    def expire(self, queue: Queue, over: Expired) -> None:
        # What time has ended needs no commit: a reload ends it again. Its rows go with the next change, so that
        # a refusal stays without a change, and a receive may read.
        queue.apply(over)
        self.swept.extend(writes_of(over))

    def keep(self, change: Change, rows: Sequence[bytes | None] = ()) -> None:
        """Stage for the disk, then change memory: the store may refuse, `apply` never does."""
        assert self.state is not None
        self.ctx.stage(*self.swept, *writes_of(change, rows))
        self.swept = []
        self.state.apply(change)

    def look_for_waiting(self) -> None:
        """Something may be there for somebody who waits."""
        if self.ctx.deferred:
            self.ctx.timer("serve", 0.0, Serve())

    def look_again(self) -> None:
        """A dead letter came back and will leave at the next look: not at once, or they would take turns for ever."""
        for key in self.once:
            self.ctx.resolve(key, ReceivedMessages())
        self.once.clear()
        if self.ctx.deferred:
            self.ctx.timer("serve-again", AGAIN_AFTER, Serve())

    def look_later(self) -> None:
        """Only while somebody waits; beside "serve", which may stand for now."""
        due = self.state.next_event() if self.state is not None else None
        if due is not None:
            self.ctx.timer("serve-due", max(0.0, due - self.ctx.now), Serve())

    def key(self, kind: str) -> str:
        self.asked += 1
        return f"{kind}/{self.asked}"
