"""What a thing may do when it does one operation after the other: what `linearizable` compares a history with.

A model answers the states that an operation can lead to from a state, none where the operation's result is impossible
there. States are hashable. Of an operation whose end is not known it answers all that it could have led to.

| model | operations (args -> result) |
|---|---|
| Register | write (value), read -> value |
| Cas | as Register, and cas (old, new) -> whether it was done |
| KeyValue | put (key, value), get key -> value or None, delete key, cas (key, old, new) -> bool; each key for itself |
| SetOf | add, remove, contains (item) -> whether it was (not) there |
| Queue | enqueue item, dequeue -> an item, whichever, or None: it was empty |
| FifoQueue | the same, the oldest item |
| FencedLock | acquire -> token or None: it is held, release token -> bool, expire token, write token -> whether it was taken |
"""

from collections.abc import Hashable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

from typing_extensions import override

from runtime.lab.history import End, Operation

S = TypeVar("S", bound=Hashable)


class Model(Generic[S]):
    """One of your own: say how it begins, and what an operation leads to."""

    pure: ClassVar[frozenset[str]] = frozenset()
    """Operations that change nothing: one whose end is not known says nothing."""

    def initial(self) -> S:
        """How it begins."""
        raise NotImplementedError

    def step(self, state: S, call: Operation) -> Iterable[S]:
        """The states after `call`; none: it cannot have ended so here."""
        raise NotImplementedError

    def key(self, call: Operation) -> Hashable:  # noqa: ARG002 -- a model of one thing has one key
        """What is independent of all else: histories are judged key by key."""
        return None

    def told(self, call: Operation) -> str:
        """How the call reads in a report."""
        end = f" -> {call.result!r}" if known(call) else " (its end is not known)"
        return f"{call.client}: {call.op} {'' if call.args is None else repr(call.args)}{end}"


def known(call: Operation) -> bool:
    """Whether its result is known."""
    return call.end is End.ANSWERED


def fits(call: Operation, result: Any) -> bool:
    """Whether it can have ended with this result."""
    return not known(call) or call.result == result


class Register(Model[Any]):
    """One value."""

    pure = frozenset({"read"})

    def __init__(self, value: Any = None) -> None:
        self._value = value

    @override
    def initial(self) -> Any:
        return self._value

    @override
    def step(self, state: Any, call: Operation) -> Iterable[Any]:
        if call.op == "write":
            return (call.args,)
        if call.op == "read":
            return (state,) if fits(call, state) else ()
        raise unheard_of(self, call)


class Cas(Register):
    """A register that can be changed on condition."""

    @override
    def step(self, state: Any, call: Operation) -> Iterable[Any]:
        if call.op != "cas":
            return super().step(state, call)
        old, new = call.args
        after = new if state == old else state
        return (after,) if fits(call, state == old) else ()


class KeyValue(Model[Any]):
    """Each key a register of its own; None: there is nothing."""

    pure = frozenset({"get"})

    @override
    def initial(self) -> Any:
        return None

    @override
    def key(self, call: Operation) -> Hashable:
        key: Hashable = call.args[0] if call.op in {"put", "cas"} else call.args
        return key

    @override
    def step(self, state: Any, call: Operation) -> Iterable[Any]:
        if call.op == "put":
            return (call.args[1],)
        if call.op == "delete":
            return (None,)
        if call.op == "get":
            return (state,) if fits(call, state) else ()
        if call.op == "cas":
            _, old, new = call.args
            return (new if state == old else state,) if fits(call, state == old) else ()
        raise unheard_of(self, call)


class SetOf(Model[bool]):
    """Each item for itself: it is there, or not."""

    pure = frozenset({"contains"})

    @override
    def initial(self) -> bool:
        return False

    @override
    def key(self, call: Operation) -> Hashable:
        item: Hashable = call.args
        return item

    @override
    def step(self, state: bool, call: Operation) -> Iterable[bool]:
        if call.op == "contains":
            return (state,) if fits(call, state) else ()
        if call.op not in {"add", "remove"}:
            raise unheard_of(self, call)
        adds = call.op == "add"
        return (adds,) if fits(call, state != adds) else ()


class FifoQueue(Model[tuple[Any, ...]]):
    """First in, first out."""

    @override
    def initial(self) -> tuple[Any, ...]:
        return ()

    @override
    def step(self, state: tuple[Any, ...], call: Operation) -> Iterable[tuple[Any, ...]]:
        if call.op == "enqueue":
            return (self._with(state, call.args),)
        if call.op != "dequeue":
            raise unheard_of(self, call)
        if not state:
            return ((),) if fits(call, None) else ()
        return self._taken(state, call)

    def _with(self, state: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
        return (*state, item)

    def _taken(self, state: tuple[Any, ...], call: Operation) -> Iterable[tuple[Any, ...]]:
        return (state[1:],) if fits(call, state[0]) else ()


class Queue(FifoQueue):
    """In whatever order. Its state is kept in one order, so that equal ones are seen to be equal."""

    @override
    def _with(self, state: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
        return tuple(sorted((*state, item), key=repr))

    @override
    def _taken(self, state: tuple[Any, ...], call: Operation) -> Iterable[tuple[Any, ...]]:
        return {(*state[:place], *state[place + 1 :]) for place, item in enumerate(state) if fits(call, item)}


class FencedLock(Model[tuple[Any, int, int]]):
    """A lock whose tokens grow, and a thing behind it that takes no write with an older token than it has seen.

    The state is who holds it (a token, None, or "somebody"), the newest token, and the newest token in a write. A lease
    that may have run out is an `expire` of which the end is not known, begun at that time.
    """

    @override
    def initial(self) -> tuple[Any, int, int]:
        return None, 0, 0

    @override
    def step(self, state: tuple[Any, int, int], call: Operation) -> Iterable[tuple[Any, int, int]]:
        holder, newest, written = state
        if call.op == "acquire":
            return self._acquired(state, call)
        if call.op == "write":
            taken = call.args >= written
            return ((holder, newest, max(written, call.args)),) if fits(call, taken) else ()
        if call.op not in {"release", "expire"}:
            raise unheard_of(self, call)
        held = holder == call.args
        return (
            (((None if held else holder), newest, written),)
            if fits(call, held) or call.op == "expire"
            else ()
        )

    def _acquired(self, state: tuple[Any, int, int], call: Operation) -> Iterable[tuple[Any, int, int]]:
        holder, newest, written = state
        if not known(call):  # it holds a token that nobody has seen, at least the next one
            return (state,) if holder is not None else (("somebody", newest + 1, written),)
        if call.result is None:
            return (state,) if holder is not None else ()
        return ((call.result, call.result, written),) if holder is None and call.result > newest else ()


def unheard_of(model: Model[Any], call: Operation) -> ValueError:
    """What a model raises for an operation that it does not know."""
    return ValueError(f"{type(model).__name__} knows no operation {call.op!r}")
