"""Which rooms a system is built of: the plain ones, or others in their place, such as those that trace."""

from collections.abc import Callable
from dataclasses import dataclass

from actors.address import Address
from runtime.cell import Cell
from runtime.clock import Clock
from runtime.commit import CommitPoint
from runtime.dispatcher import Dispatcher
from runtime.letters import DeadLetters
from runtime.router import Router
from runtime.store.port import Store
from runtime.timers import Timers
from runtime.trace import Trace

Discard = Callable[[Cell, Exception], None]
WakeAt = Callable[[Address, float | None], None]


@dataclass(frozen=True, slots=True)
class Kinds:
    """How each of them is made."""

    letters: Callable[[Callable[[], float]], DeadLetters] = DeadLetters
    router: Callable[[DeadLetters], Router] = Router
    timers: Callable[[Clock], Timers] = Timers
    commit: Callable[[Store, Trace | None, Discard, WakeAt], CommitPoint] = CommitPoint
    dispatcher: Callable[..., Dispatcher] = Dispatcher
