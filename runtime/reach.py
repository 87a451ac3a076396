"""How actors are reached by what they do, or as the one that lives now: event stream, registry, groups and pins of a system."""

from typing import Any, Protocol

from actors.address import Address
from actors.errors import DeadLettered
from actors.event import Event, Key
from actors.ref import Post
from runtime.cell import Cell
from runtime.envelope import Ticket
from runtime.events import ActorHasCrashed, ActorHasStopped, ActorIsUp, ActorIsUpAgain, Events
from runtime.exact import Pins
from runtime.groups import Groups
from runtime.letters import DeadLetter, DeadLetters
from runtime.registry import Registry


class Mail(Post, Protocol):
    """What it needs of the router."""

    letters: DeadLetters

    def live(self, to: Address) -> Cell | None: ...
    def post(self, cell: Cell, message: Any, timer: Ticket | None = None) -> object: ...


class Reach:
    """The four of them, as far as a cell's life touches them."""

    __slots__ = ("events", "groups", "pins", "registry")

    def __init__(self, router: Mail) -> None:
        def cell_of(address: Address) -> Cell:
            cell = router.live(address)
            if cell is None:
                raise DeadLettered(address, "no_such_address")
            return cell

        def listening(kinds: frozenset[type[Event]]) -> None:
            wanted = any(issubclass(DeadLetter, kind) for kind in kinds)
            router.letters.publish = self._letter if wanted else None

        self.events = Events(cell_of, router.post, listening)
        self.registry = Registry(router, cell_of, router.post)
        self.groups = Groups(router)
        self.pins = Pins()

    def _letter(self, letter: DeadLetter) -> None:
        self.events.publish(letter, Address(letter.to))

    def subscribe(self, cell: Cell, to: type[Event] | Key[Any]) -> None:
        """The cell itself asks for it."""
        if isinstance(to, Key):
            self.registry.tell(to, cell)
        else:
            self.events.tell(cell, to)

    def is_up(self, cell: Cell) -> None:
        """An incarnation has started."""
        if self.events.listening:
            kind = ActorIsUp if cell.incarnation == 1 else ActorIsUpAgain
            self.events.publish(kind(cell.address, cell.incarnation), cell.address)

    def has_crashed(self, cell: Cell) -> None:
        """An incarnation has failed."""
        if self.events.listening:
            crash = ActorHasCrashed(cell.address, cell.incarnation, cell.last_error)
            self.events.publish(crash, cell.address)

    def holds(self, cell: Cell) -> bool:
        """Somebody may look for it here: it is not passivated."""
        return self.events.holds(cell) or self.registry.holds(cell) or self.groups.holds(cell)

    def fenced(self, cell: Cell) -> None:
        """Its incarnation is over."""
        if len(self.groups):
            self.groups.left(cell)
        if len(self.pins):
            self.pins.over(cell.address)

    def gone(self, cell: Cell) -> None:
        """It has ended: nobody finds it any more, and only then that is told."""
        if len(self.pins):  # one that never started was not fenced
            self.pins.over(cell.address)
        if not self.registry.empty:
            self.registry.gone(cell)
        if self.events.listening:
            self.events.gone(cell)
            assert cell.end_reason is not None
            ended = ActorHasStopped(cell.address, cell.incarnation, cell.end_reason)
            self.events.publish(ended, cell.address)
