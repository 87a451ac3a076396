"""The states of an actor class as a graph: which message leads from which to which, and whether each can be reached.

It is read off the bytecode of its handlers and of the methods that they name: each `become("open")` in them. What
cannot be known is said: a `become` whose state is computed. One that is made outside the class's methods is not seen.
"""

import dis
import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from actors.actor import Actor
from actors.handlers import WithFallback

START = "[*]"
"""From where an actor comes."""
ENTERED = "on entry"
ANY_OTHER = "any other"
Edge = tuple[str, str, str]
"""From a state, by a message, to a state."""


@dataclass(frozen=True, slots=True)
class StateGraph:
    """`stays`: (state, message) of what is handled without a change of state; `computed`: who becomes what nobody can read."""

    states: tuple[str, ...]
    edges: tuple[Edge, ...]
    stays: tuple[tuple[str, str], ...]
    computed: tuple[str, ...]

    def unreachable(self) -> list[str]:
        """States that no course of messages leads to; with something `computed`, it cannot be told."""
        reached, ahead = set[str](), [START]
        while ahead:
            state = ahead.pop()
            if state not in reached:
                reached.add(state)
                ahead += [to for source, _, to in self.edges if source == state]
        return [state for state in self.states if state not in reached]

    def as_mermaid(self) -> str:
        """A state diagram as Mermaid draws it, in a page or a README."""
        names = {START: START, **{state: f"s{number}" for number, state in enumerate(self.states)}}
        lines = [f'state "{state.replace(chr(34), chr(39))}" as {names[state]}' for state in self.states]
        lines += [
            f"{names[source]} --> {names[to]}{f': {by}' if by else ''}" for source, by, to in self.edges
        ]
        lines += [f"{names[state]}: {by}" for state, by in self.stays]
        lines += [f"%% the state that {who} becomes is computed: not drawn" for who in self.computed]
        return "\n    ".join(["stateDiagram-v2", *lines])


def state_graph(cls: type[Actor[Any]]) -> StateGraph:
    """The graph of a class; without states of its own, an empty one."""
    behaviours = cls.behaviours
    edges: list[Edge] = [(START, "", behaviours.initial)] if behaviours.initial else []
    stays: list[tuple[str, str]] = []
    computed = dict[str, None]()
    timeouts = _timeouts(cls)

    def add(source: str, by: str, function: Any) -> bool:
        found = list(_becomes(cls, function))
        for who, to in found:
            if to is None:
                computed[who] = None
            else:
                edges.append((source, by, to))
        return bool(found)

    add(START, "", cls.started)
    for state in behaviours.tables:
        if state in behaviours.entries:
            add(state, ENTERED, behaviours.entries[state])
        for name, function in _handled(cls, state):
            by = f"{name} (timeout)" if name in timeouts else name
            if not add(state, by, function):
                stays.append((state, by))
    return StateGraph(tuple(behaviours.tables), tuple(dict.fromkeys(edges)), tuple(stays), tuple(computed))


def _handled(cls: type[Actor[Any]], state: str) -> list[tuple[str, Any]]:
    """What a state handles, by name: not what it puts off or refuses, nor what the framework handles in all."""
    ours = {kind for base in cls.__mro__ if base.__module__.startswith("actors.") for kind in _handlers(base)}
    taken = (_handlers(cls) | set(cls.behaviours.own[state])) - ours
    table = cls.behaviours.tables[state]
    found = [(kind.__name__, table[kind].function) for kind in taken]
    if isinstance(table, WithFallback):
        found.append((ANY_OTHER, table.fallback.function))
    return sorted(found, key=lambda one: one[0])


def _handlers(cls: type) -> set[type]:
    return set(vars(cls).get("handlers", ()))


def _becomes(cls: type, function: Any) -> Iterator[tuple[str, str | None]]:
    """(method, state) of each `become` in it, and in the methods of the class that it names; None: computed."""
    for code in _codes(cls, function):
        steps = list(dis.get_instructions(code))
        for at, step in enumerate(steps):
            if step.argval == "become" and step.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
                yield code.co_qualname, _literal(steps[at + 1 : at + 3])


def _literal(steps: list[dis.Instruction]) -> str | None:
    """The one argument of the call that begins here, if it is a literal text."""
    said, then = steps
    called = then.opname in {"CALL", "PRECALL"}
    return said.argval if called and said.opname == "LOAD_CONST" and isinstance(said.argval, str) else None


def _timeouts(cls: type[Actor[Any]]) -> set[str]:
    """Names of what a `state_timeout` says."""
    kinds = {kind.__name__ for table in cls.behaviours.tables.values() for kind in table}
    found = set[str]()
    members = [member for base in cls.__mro__ for member in vars(base).values()]
    for code in _codes(cls, *(member for member in members if isinstance(member, types.FunctionType))):
        within = False
        for step in dis.get_instructions(code):
            within = step.argval == "state_timeout" or (within and step.opname != "POP_TOP")
            if within and step.argval in kinds:
                found.add(step.argval)
    return found


def _codes(cls: type, *functions: Any) -> Iterable[types.CodeType]:
    """The code of the functions, of what is nested in them, and of all methods of the class that they name."""
    found = dict[types.CodeType, None]()
    ahead: list[types.CodeType] = [layer for one in functions for layer in _layers(one)]
    while ahead:
        code = ahead.pop()
        if code in found:
            continue
        found[code] = None
        ahead += [const for const in code.co_consts if isinstance(const, types.CodeType)]
        named = [vars(base).get(name) for name in code.co_names for base in cls.__mro__]
        ahead += [layer for member in named for layer in _layers(member)]
    return found


def _layers(one: Any) -> Iterator[types.CodeType]:
    """Of a function, and of what its decorators have wrapped."""
    while isinstance(one, functools.partial):
        one = one.func
    while isinstance(one, types.FunctionType):
        yield one.__code__
        one = getattr(one, "__wrapped__", None)
