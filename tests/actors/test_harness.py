"""The harness, used as a user would: a volatile actor and a durable one, a turn at a time and no event loop."""

from typing import Any

import pytest
from typing_extensions import override

from actors import Actor, Deferred, Directive, Message, Ref, Spec, receive
from actors.actor import Context, StartReason
from actors.behaviours import Elsewhere
from actors.durable import Append, DurableActor, DurableContext, Put, Stored
from actors.errors import (
    DirtyRefusal,
    DirtySuspension,
    Fenced,
    NameTaken,
    NotInADurableTurn,
    NotInThisState,
    StashFull,
    StoreFull,
)
from actors.event import Key
from actors.testing import (
    Asked,
    Became,
    Deferral,
    Draws,
    Forwarded,
    HarnessMisused,
    InThread,
    Joined,
    Piped,
    Published,
    Read,
    Registered,
    Resolved,
    Spawned,
    Stopped,
    Table,
    TimerCancelled,
    TimerSet,
    Told,
    Watched,
    harness,
    ref_to,
)
from actors.testing.context import HarnessContext


class NoMoney(Exception):
    """Refused."""


class Broken(Exception):
    """A crash."""


class Deposit(Message[int], raises=(NoMoney,)):
    amount: int


class Peek(Message[int]):
    pass


class Fail(Message[None], raises=(NoMoney,)):
    dirty: bool = False
    refused: bool = False


class Purse(DurableActor[Deposit | Peek | Fail]):
    """Durable: one row."""

    total: int = 0
    cleaned: int = 0

    @override
    async def load(self, stored: Stored) -> None:
        [row] = await stored.get(["total"])
        self.total = int(row or b"0")

    @receive(Deposit)
    def on_deposit(self, message: Deposit) -> int:
        if self.total + message.amount < 0:
            raise NoMoney(f"{self.total} is too little")
        self.ctx.stage(Put("total", b"%d" % (self.total + message.amount)))
        self.total += message.amount
        return self.total

    @receive(Peek)
    async def on_peek(self, message: Peek) -> int:
        try:
            [row] = await self.ctx.read(["total"])
        finally:
            self.cleaned += 1
        return int(row or b"0")

    @receive(Fail)
    def on_fail(self, message: Fail) -> None:
        if message.dirty:
            self.ctx.stage(Put("total", b"666"))
        self.ctx.timer("never", 1, Peek())
        if message.refused:
            raise NoMoney("no")
        raise Broken("bang")


class Do(Message[Any]):
    """Do `step` with the actor."""

    step: Any


class Wait(Message[Any]):
    """Await `step` of the actor."""

    step: Any


class Tick(Message[None]):
    pass


class Worker(Actor[Do | Wait | Tick]):
    """Volatile: does what a test says."""

    ticks = 0
    ended = ""

    @receive(Do)
    def on_do(self, message: Do) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Tick)
    def on_tick(self, message: Tick) -> None:
        self.ticks += 1
        self.ctx.timer("tick", 10, Tick())

    @override
    def stopped(self, reason: Any) -> None:
        self.ended = reason.name


class Keeping(DurableActor[Wait]):
    """Durable, with a handler that may wait."""

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)


BANK: Ref[Any] = ref_to("/bank")
FOREIGN: Any = Peek()
KEY = Key[Any]("bank")


def test_a_turn_shows_its_reply_its_writes_and_that_nothing_else_went_out() -> None:
    turn = harness(Purse).run(Deposit(amount=5), now=5.0)
    assert (turn.reply, turn.staged, turn.outputs, turn.error) == (5, [Put("total", b"5")], [], None)


def test_a_durable_actor_loads_what_is_stored_and_a_restart_begins_from_what_was_committed() -> None:
    purse = harness(Purse, stored={"total": b"7"})
    assert purse.ask(Deposit(amount=1)) == 8
    purse.run(Deposit(amount=100), commit=False)
    assert purse.ask(Peek()) == 108
    purse.restart()
    assert purse.ask(Peek()) == 8
    assert purse.stored == Table({"total": b"8"})


def test_a_refusal_is_no_crash_and_the_actor_goes_on() -> None:
    purse = harness(Purse)
    turn = purse.run(Deposit(amount=-1))
    assert isinstance(turn.refusal, NoMoney)
    assert (turn.error, turn.directive) == (None, None)
    with pytest.raises(NoMoney):
        purse.ask(Deposit(amount=-1))
    assert purse.ask(Deposit(amount=2)) == 2


def test_a_crash_lets_nothing_out_and_shows_what_is_undone_and_its_directive() -> None:
    purse = harness(Purse, directives=((Broken, Directive.STOP),))
    turn = purse.run(Fail(dirty=True))
    assert isinstance(turn.error, Broken)
    assert turn.directive is Directive.STOP
    assert (turn.staged, turn.outputs, purse.timers, purse.stored.rows) == ([], [], {}, {})
    assert turn.undone == [Put("total", b"666"), TimerSet("never", 1, Peek())]
    with pytest.raises(HarnessMisused, match="it crashed: Broken: bang; `restart` makes the next"):
        purse.run(Peek())
    assert purse.restart().error is None


def test_a_refusal_after_a_change_is_a_crash() -> None:
    turn = harness(Purse).run(Fail(dirty=True, refused=True))
    assert isinstance(turn.error, DirtyRefusal)


def test_a_missing_reply_says_what_came_instead() -> None:
    turn = harness(Purse).run(Deposit(amount=-1))
    with pytest.raises(HarnessMisused, match=r"no reply: .*refusal=NoMoney\('0 is too little'\)"):
        _ = turn.reply


def test_a_read_is_driven_by_hand_and_by_what_is_stored() -> None:
    purse = harness(Purse, stored={"total": b"3"})
    turn = purse.run(Peek())
    assert turn.waiting == Read("total")
    assert turn.resume(b"42").reply == 42
    assert purse.run(Peek()).resume().reply == 3


def test_a_cancel_at_a_read_runs_the_cleanup_and_leaves_the_actor_usable() -> None:
    purse = harness(Purse)
    turn = purse.run(Peek()).cancel()
    assert (turn.cancelled, turn.waiting, turn.outputs) == (True, None, [])
    assert vars(purse.actor)["cleaned"] == 1
    assert purse.ask(Deposit(amount=1)) == 1


def test_one_turn_at_a_time() -> None:
    purse = harness(Purse)
    purse.run(Peek())
    with pytest.raises(HarnessMisused, match=r"resume or cancel this one first: .*Read\('total'\)"):
        purse.run(Deposit(amount=1))


def test_a_read_after_a_change_is_a_crash() -> None:
    async def step(actor: Any) -> None:
        actor.ctx.stage(Put("a", b""))
        await actor.ctx.read(["a"])

    assert isinstance(harness(Keeping).run(Wait(step=step)).error, DirtySuspension)


def test_a_full_store_refuses_to_stage() -> None:
    purse = harness(Purse)
    purse.store_full = True
    assert isinstance(purse.run(Deposit(amount=1)).refusal, StoreFull)


def test_a_gap_in_a_log_is_found_as_a_store_would() -> None:
    table = Table(logs={"log": [b"a"]})
    with pytest.raises(ValueError, match="the log ends at 1"):
        table.commit([Append("log", 2, b"b")])


def test_outputs_are_values_in_their_order() -> None:
    spec = Spec(Worker, name="child")

    def step(actor: Any) -> None:
        actor.ctx.tell(BANK, Deposit(amount=1))
        actor.ctx.timer("t", 5, Tick())
        actor.ctx.cancel("t")
        actor.ctx.cancel("not there")
        actor.ctx.stop(actor.ctx.spawn(spec))
        actor.ctx.stop()

    child = ref_to("/actor/child")
    assert harness(Worker).run(Do(step=step)).outputs == [
        Told(BANK, Deposit(amount=1)),
        TimerSet("t", 5, Tick()),
        TimerCancelled("t"),
        Spawned(spec, child),
        Stopped(child),
        Stopped(),
    ]


def test_an_ask_is_answered_refused_or_cut_by_hand() -> None:
    async def step(actor: Any) -> int:
        await BANK.tell(Tick())
        reply: int = await BANK.ask(Deposit(amount=1), within=3)
        return reply

    worker = harness(Worker)
    turn = worker.run(Wait(step=step))
    assert turn.waiting == Asked(BANK, Deposit(amount=1), 3)
    assert turn.resume(9).reply == 9
    assert turn.told == [Told(BANK, Tick())]
    assert isinstance(worker.run(Wait(step=step)).resume_with(Broken()).error, Broken)


def test_a_durable_turn_may_not_ask() -> None:
    async def step(actor: Any) -> None:
        await BANK.ask(Tick())

    assert isinstance(harness(Keeping).run(Wait(step=step)).error, NotInADurableTurn)


def test_a_deferred_asker_waits_until_it_is_resolved_or_leaves() -> None:
    def wait(actor: Any) -> Deferred[Any]:
        deferred: Deferred[Any] = actor.ctx.defer("k", deadline=20, on_deadline="late")
        return deferred

    worker = harness(Worker)
    turn = worker.run(Do(step=wait))
    assert turn.deferred == Deferral("k", 20, "late")
    assert list(worker.deferred) == ["k"]

    def resolve(actor: Any) -> None:
        actor.ctx.resolve("k", 5)

    assert worker.run(Do(step=resolve)).outputs == [Resolved("k", 5)]
    assert worker.run(Do(step=resolve)).outputs == []
    worker.run(Do(step=wait))
    worker.hang_up("k")
    assert worker.run(Do(step=resolve)).outputs == []


def test_a_pipe_is_a_value_and_its_work_is_driven_by_hand() -> None:
    async def work() -> int:
        reply: int = await BANK.ask(Deposit(amount=1))
        return reply

    def done(result: Any) -> Do:
        return Do(step=result)

    def step(actor: Any) -> None:
        actor.ctx.pipe(work, done)

    turn = harness(Worker).run(Do(step=step))
    assert turn.outputs == [Piped(work, done)]
    running = turn.piped[0].begin()
    assert running.waiting == Asked(BANK, Deposit(amount=1))
    assert running.resume(7).message == Do(step=7)
    failed = Broken()
    assert turn.piped[0].begin().resume_with(failed).message == Do(step=failed)


def test_time_passes_by_hand_and_fires_timers_at_their_times() -> None:
    worker = harness(Worker, now=100.0)
    worker.run(Tick())
    assert len(worker.advance(25)) == 2
    assert (worker.now, worker.timers["tick"].at) == (125.0, 130.0)
    worker.fire("tick")
    assert worker.now == 130.0
    with pytest.raises(HarnessMisused, match=r"time never goes back: it is 130\.0, not 5\.0"):
        worker.run(Tick(), now=5.0)


def test_the_same_seed_draws_the_same_chance() -> None:
    def draw(actor: Any) -> Any:
        chance = actor.ctx.entropy
        return chance.uuid(), chance.token(), chance.fraction(), chance.below(6)

    first, again, other = (harness(Worker, chance=Draws(seed)).ask(Do(step=draw)) for seed in (1, 1, 2))
    assert first == again != other
    assert 0 <= first[2] < 1
    assert 0 <= first[3] < 6


def test_an_old_incarnation_is_fenced() -> None:
    worker = harness(Worker)
    old = worker.actor.ctx
    worker.restart()
    with pytest.raises(Fenced, match="it was restarted"):
        old.tell(BANK, Tick())


def test_a_name_is_taken_within_the_turn_and_after_it() -> None:
    def spawn(actor: Any) -> None:
        actor.ctx.spawn(Spec(Worker, name="x"))

    worker = harness(Worker)
    worker.run(Do(step=spawn))
    assert isinstance(worker.run(Do(step=spawn)).error, NameTaken)


def test_a_stop_runs_stopped_once_and_ends_it() -> None:
    worker = harness(Worker)
    worker.stop()
    assert vars(worker.actor)["ended"] == "STOP"
    with pytest.raises(HarnessMisused, match="it was stopped, STOP"):
        worker.run(Tick())


def test_a_failed_start_shows_and_is_over() -> None:
    class Bad(Worker):
        @override
        async def started(self, reason: StartReason) -> None:
            raise Broken

    bad = harness(Bad)
    assert isinstance(bad.start.error, Broken)
    with pytest.raises(HarnessMisused, match="it crashed"):
        bad.run(Tick())


def test_a_given_state_stands_for_load_and_started() -> None:
    def step(actor: Any) -> Any:
        return actor.state["a"]

    worker = harness(Worker, state={"a": 1})
    assert worker.state == {"a": 1}
    assert worker.ask(Do(step=step)) == 1


def test_a_message_that_is_not_handled_is_named_with_those_that_are() -> None:
    with pytest.raises(HarnessMisused, match="Worker has no handler for Peek; it takes: Do, Tick, Wait"):
        harness(Worker).run(FOREIGN)


def test_every_member_of_the_contexts_has_its_place_in_the_harness() -> None:
    members = {name for kind in (Context, DurableContext) for name in vars(kind) if name[0] != "_"}
    assert [name for name in sorted(members) if not hasattr(HarnessContext, name)] == []


class Knock(Message[str]):
    pass


class Door(Actor[Do | Knock | Tick]):
    """It opens, and only then answers."""

    initial = "shut"

    @receive(Do)
    def on_do(self, message: Do) -> Any:
        return message.step(self)

    @receive(Tick, state="shut")
    def on_tick(self, message: Tick) -> None:
        pass

    @receive(Knock, state="open")
    def on_knock(self, message: Knock) -> str:
        return "come in"


def test_a_change_of_state_is_a_value_and_brings_the_stash_back() -> None:
    def step(actor: Any) -> None:
        actor.ctx.become("open")

    door = harness(Door)
    assert door.run(Knock()).deferred is not None
    assert door.stash == [Knock()]
    assert door.run(Do(step=step)).outputs == [Became("open")]
    assert (door.stash, door.unstashed) == ([], [Knock()])
    assert door.ask(Knock()) == "come in"


def test_a_crashed_turn_has_not_changed_the_state() -> None:
    def step(actor: Any) -> None:
        actor.ctx.become("open")
        raise Broken

    door = harness(Door, directives=((Broken, Directive.RESUME),))
    assert door.run(Do(step=step)).undone == [Became("open")]
    assert door.run(Knock()).deferred is not None


def test_a_watch_and_a_forward_are_values() -> None:
    def step(actor: Any) -> Any:
        actor.ctx.watch(BANK)
        actor.ctx.watch(BANK, restarts=True)
        return actor.ctx.forward(BANK)

    outputs = harness(Worker).run(Do(step=step)).outputs
    assert outputs == [Watched(BANK), Watched(BANK, restarts=True), Forwarded(BANK)]


def test_a_threads_result_is_given_by_hand() -> None:
    async def step(actor: Any) -> int:
        length: int = await actor.ctx.thread(len, "abc")
        return length

    turn = harness(Worker).run(Wait(step=step))
    assert turn.waiting == InThread(len, ("abc",))
    assert turn.resume(3).reply == 3


def test_a_periodic_timer_comes_again_without_being_set() -> None:
    def step(actor: Any) -> None:
        actor.ctx.timer("p", 1, Do(step=id), every=5)

    worker = harness(Worker)
    worker.run(Do(step=step))
    assert len(worker.advance(12)) == 3


def test_a_key_and_a_group_are_values_and_the_test_says_who_is_found() -> None:
    def step(actor: Any) -> Any:
        actor.ctx.register(KEY)
        actor.ctx.join("all")
        actor.ctx.publish("all", Tick())
        return actor.ctx.find(KEY)

    worker = harness(Worker)
    worker.holders[KEY] = [BANK]
    turn = worker.run(Do(step=step))
    assert turn.reply == [BANK]
    assert turn.outputs == [Registered(KEY), Joined("all"), Published("all", Tick())]


def test_what_the_context_refuses_is_a_refusal_here_as_in_a_system() -> None:
    class Strict(Door):
        elsewhere = Elsewhere.REFUSE

    assert isinstance(harness(Strict).run(Knock()).refusal, NotInThisState)
    full = harness(Door, capacity=1)
    full.run(Knock())
    assert isinstance(full.run(Knock()).refusal, StashFull)
