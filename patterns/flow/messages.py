"""What a flow's stages say to each other: demand goes up, items come down; and what its consumer is told at the end."""

from dataclasses import dataclass
from typing import Any

from actors.message import Message
from actors.ref import Ref
from actors.signals import Terminated


class FlowBroken(Exception):
    """The flow has failed; `errors` are what its functions raised. Its consumer gets them as an ExceptionGroup."""

    def __init__(self, errors: tuple[Exception, ...]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class StageEnded(Exception):
    """A stage was stopped, or has crashed by itself, before its flow was over; what it held is not known."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An item that no consumer has had, as the stage held it that had it last."""

    stage: str
    item: Any


@dataclass(frozen=True, slots=True)
class Held:
    """What one stage knows when it is halted."""

    items: tuple[Any, ...] = ()
    drawn: int = 0
    delivered: int = 0
    dropped: int = 0
    errors: tuple[Exception, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a flow's items."""

    drawn: int = 0
    """Taken from its sources."""
    delivered: int = 0
    """Handled by its consumer, or by its sinks."""
    dropped: int = 0
    """By `drop_oldest`."""
    undelivered: tuple[Undelivered, ...] = ()
    """Under way when the flow was left, or had failed: upstream first."""
    failures: tuple[Exception, ...] = ()


class Demand(Message[None]):
    """Downstream takes `total` items, counted from the flow's beginning: said twice or late, it changes nothing."""

    outlet: int
    total: int


class Items(Message[None]):
    """The next items of an inlet, never more than its demand."""

    inlet: int
    items: tuple[Any, ...]


class End(Message[None]):
    """No more items for an inlet."""

    inlet: int


class Worked(Message[None]):
    """Work outside the turns has ended: a result, an exception, or Cut."""

    tag: int
    result: Any


class Tick(Message[None]):
    """The stage's timer."""


class Halt(Message[Held]):
    """Pass nothing on any more, end what is under way, and say what is held. `seen`: the consumer's count."""

    seen: int


StageMessage = Demand | Items | End | Worked | Tick | Halt


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items for the consumer, who says in its next request how many it has seen."""

    items: tuple[Any, ...]
    ended: bool = False


class Next(Message[Chunk], raises=(FlowBroken,)):
    """The consumer has seen `seen` items, and wants those that follow. Asked again, it gets the same again."""

    seen: int


class Broken(Message[None]):
    """The flow has failed: whoever waits at its exit is told."""

    errors: tuple[Any, ...]


class Open(Message[Ref[Next]]):
    """Start the stages; the answer is the exit. A flow is opened once."""


class Close(Message[Report]):
    """Halt the stages, upstream first, and end. `seen`: items that the consumer has had."""

    seen: int


class StageFailed(Message[None]):
    """A function of a stage has raised."""

    error: Any


FlowMessage = Open | Close | StageFailed | Terminated
