"""The actor that a flow is: its stages are its children, and end with it."""

from actors.actor import Actor
from actors.address import Address
from actors.errors import ActorError
from actors.handlers import receive
from actors.ref import Ref
from actors.signals import Terminated
from patterns.flow.messages import (
    Broken,
    Close,
    FlowMessage,
    Halt,
    Held,
    Next,
    Open,
    Report,
    StageEnded,
    StageFailed,
    StageMessage,
    Undelivered,
)
from patterns.flow.plan import Plan


class FlowActor(Actor[FlowMessage]):
    """One opened flow. It is never restarted: the items under way would be lost unnoticed."""

    def __init__(self, plan: Plan, window: int) -> None:
        self._plan = plan
        self._window = window
        self._stages: list[Ref[StageMessage]] = []
        self._errors: list[Exception] = []
        self._gone: dict[Address, StageEnded] = {}

    @receive(Open)
    def on_open(self, message: Open) -> Ref[Next]:
        del message
        self._stages = [self.ctx.spawn(spec) for spec in self._plan.specs(self.ctx.address, self._window)]
        for stage in self._stages:
            self.ctx.watch(stage)
        return self.ctx.ref(self._stages[-1].address)

    @receive(StageFailed)
    def on_stage_failed(self, message: StageFailed) -> None:
        self._break(message.error)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        ended = StageEnded(f"{message.address}: {message.reason.name}")
        self._gone[message.address] = ended
        self._break(ended)

    def _break(self, error: Exception) -> None:
        self._errors.append(error)
        exit_: Ref[Broken] = self.ctx.ref(self._stages[-1].address)
        self.ctx.tell(exit_, Broken(errors=tuple(self._errors)))

    @receive(Close)
    async def on_close(self, message: Close) -> Report:
        # Upstream first. A stage answers behind its last items, which are then in the next one's mailbox before
        # that one is asked: nothing is under way between two stages when both have answered.
        held: list[tuple[Ref[StageMessage], Held]] = []
        errors: list[Exception] = []
        for stage in self._stages:
            try:
                held.append((stage, await stage.ask(Halt(seen=message.seen))))
            except ActorError as error:
                errors.append(self._gone.get(stage.address, error))
        self.ctx.stop()
        return Report(
            drawn=sum(one.drawn for _, one in held),
            delivered=sum(one.delivered for _, one in held),
            dropped=sum(one.dropped for _, one in held),
            undelivered=tuple(Undelivered(stage.address.name, i) for stage, one in held for i in one.items),
            failures=(*(error for _, one in held for error in one.errors), *errors),
        )
