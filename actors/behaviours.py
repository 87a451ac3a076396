"""Behaviours: what an actor handles in each of its states, decided once, when the class is created.

`become` changes the whole table of handlers: an actor without states pays nothing, and one with states no more
for a message than any other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar, cast

from actors.errors import BadMachine, NotInThisState
from actors.handlers import Handling, Kind, WithFallback, kind_of, marked

E = TypeVar("E", bound=Callable[[Any], None])

Table = Mapping[type, Handling]


class Elsewhere(Enum):
    """What becomes of a message that another state has a handler for, and the present one has not."""

    POSTPONE = auto()
    """It is stashed, its asker waits, and it comes back at the next change of state."""
    REFUSE = auto()
    """Its asker gets NotInThisState; a told one is a dead letter."""


def enter(state: str) -> Callable[[E], E]:
    """Mark the method, `def (self) -> None`, that runs at each `ctx.become(state)`, and for the initial state before `started`.

    Two of one state, or one of a state that no handler names, are BadMachine when the class is created.
    Without parentheses it is BadMachine at once.
    """
    if not isinstance(cast("object", state), str):
        raise BadMachine(f'write @enter("state"), not of {state!r}')

    def mark(method: E) -> E:
        method.__dict__["enters"] = state
        return method

    return mark


class Postponed(Handling):
    """A message that the state puts aside: it is known without a turn that it would."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Behaviours:
    """The states of one class: `tables` says what each handles, `entries` what runs when it is entered."""

    initial: str = ""
    tables: Mapping[str, Table] = field(default_factory=dict[str, Table])
    entries: Mapping[str, Callable[[Any], None]] = field(default_factory=dict[str, Callable[[Any], None]])
    own: Mapping[str, Table] = field(default_factory=dict[str, Table])
    """Without what all states share: what a derived class builds upon."""

    def table(self, state: str) -> Table:
        """Raises BadMachine for a state that no handler names."""
        found = self.tables.get(state)
        if found is None:
            known = ", ".join(sorted(self.tables)) or "none"
            raise BadMachine(f"no handler is of the state {state!r}; the states are: {known}")
        return found


def kinds_of(own: Mapping[str, Table]) -> set[type]:
    """What is handled in one state at least."""
    return {kind for table in own.values() for kind in table}


def inherited_by(cls: type) -> tuple[Table, Behaviours]:
    """What the bases handle. With several of them none loses its handlers; where two handle the same, `super` decides."""
    handlers: dict[type, Handling] = {}
    own: dict[str, Table] = {}
    entries: dict[str, Callable[[Any], None]] = {}
    fallback: Handling | None = None
    for base in reversed(cls.__mro__[1:]):
        handlers |= marked(base).get(None, {})
        own = dict(states_of(base, own))
        states: Behaviours = vars(base).get("behaviours", Behaviours())
        entries |= states.entries
        table: Table = vars(base).get("handlers", {})
        if isinstance(table, WithFallback):
            fallback = table.fallback
    inherited = handlers if fallback is None else WithFallback(handlers, fallback)
    return inherited, Behaviours(entries=entries, own=own)


def states_of(cls: type, inherited: Mapping[str, Table]) -> dict[str, Table]:
    """The handlers of each state, a derived class's before those it inherits."""
    own: dict[str, Table] = dict(inherited)
    for state, table in marked(cls).items():
        if state is not None:
            own[state] = {**own.get(state, {}), **table}
    return own


def behaviours_of(
    cls: type,
    inherited: Behaviours,
    shared: Table,
    own: Mapping[str, Table],
    *,
    initial: str,
    elsewhere: Elsewhere,
) -> Behaviours:
    """The behaviours of an actor class. Raises BadMachine."""
    entries = {**inherited.entries, **_entries(cls)}
    if not own:
        if entries or initial:
            raise BadMachine(f"{cls.__name__} has no handler that names a state")
        return Behaviours()
    for state in (initial, *entries):
        if not state:
            known = ", ".join(sorted(own))
            raise BadMachine(f"{cls.__name__}: set `initial`, the state it begins in, to one of: {known}")
        if state not in own:
            raise BadMachine(f"{cls.__name__}: no handler is of the state {state!r}")
    others = kinds_of(own) - shared.keys()
    absent = {kind: _absent(kind, elsewhere) for kind in others}
    tables: dict[str, Table] = {state: {**absent, **shared, **table} for state, table in own.items()}
    if isinstance(shared, WithFallback):
        tables = {state: WithFallback(table, shared.fallback) for state, table in tables.items()}
    return Behaviours(initial, tables, entries, own)


def _entries(cls: type) -> dict[str, Callable[[Any], None]]:
    entries: dict[str, Callable[[Any], None]] = {}
    for name, member in vars(cls).items():
        state = getattr(member, "enters", None)
        if state is None:
            continue
        if state in entries or kind_of(member) is not Kind.PLAIN:
            raise BadMachine(f"{cls.__name__}.{name}: one plain `def` enters {state!r}")
        entries[state] = member
    return entries


def _absent(kind: type, elsewhere: Elsewhere) -> Handling:
    def postpone(actor: Any, message: Any) -> Any:
        del message
        return actor.ctx.stash()

    def refuse(actor: Any, message: Any) -> Any:
        del message
        raise NotInThisState(f"{actor.ctx.address} takes no {kind.__name__} in the state {actor.ctx.state!r}")

    if elsewhere is Elsewhere.POSTPONE:
        return Postponed(postpone, Kind.PLAIN)
    return Handling(refuse, Kind.PLAIN)
