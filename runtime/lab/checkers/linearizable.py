"""Is there an order in which these operations, one after the other, would have ended as they did?

Linearizability (Herlihy and Wing 1990), by Wing and Gong's search (1993) with Lowe's memo on what is done and the state (2017), each key for itself (Horn and
Kroening 2015). Exponential in how many operations of one key overlap: keep it to ten clients or so for each key, and
end a run with a quiet read. Beyond `limit` states of a key the answer is Unknown.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.lab.checkers.models import Model, known
from runtime.lab.history import End, Operation
from runtime.lab.verdict import Ok, Unknown, Verdict, Violation

STATES_MAX = 300_000
"""Of one key: about two seconds."""
SHOWN = 8
"""Operations that a violation shows."""


def linearizable(operations: Iterable[Operation], model: Model[Any], *, limit: int = STATES_MAX) -> Verdict:
    """Judge a history in the model's words (`History.as_calls`). Raises ValueError for an operation that it does not know.

    A refused operation has not happened. One whose end is not known may have happened at any time after its call, or not.
    """
    keys: defaultdict[Hashable, list[Operation]] = defaultdict(list)
    for call in operations:
        if call.end is End.ANSWERED or (call.end is End.UNKNOWN and call.op not in model.pure):
            keys[model.key(call)].append(call)
    unknown: Unknown | None = None
    for key, calls in keys.items():
        found = _Search(calls, model, limit).run(key)
        if isinstance(found, Violation):
            return found
        unknown = unknown or found
    return unknown or Ok("linearizable")


@dataclass(slots=True)
class _Farthest:
    """The most that could be put in order, and in which states that ended."""

    count: int = -1
    done: int = 0
    state: Any = None


class _Search:
    """One key's history."""

    def __init__(self, calls: Sequence[Operation], model: Model[Any], limit: int) -> None:
        self._calls = sorted(calls, key=lambda call: call.begun)
        self._model = model
        self._limit = limit
        self._wanted = sum(1 << place for place, call in enumerate(self._calls) if known(call))
        """Bits of the operations that have happened for sure."""

    def run(self, key: Hashable) -> Unknown | Violation | None:
        wanted, farthest = self._wanted, _Farthest()
        first_state = self._model.initial()
        seen: set[tuple[int, Any]] = {(0, first_state)}
        stack = [(0, first_state, 0)]
        while stack:
            done, state, low = stack.pop()
            if done & wanted == wanted:
                return None
            if (count := (done & wanted).bit_count()) > farthest.count:
                farthest = _Farthest(count, done, state)
            while done >> low & 1:
                low += 1
            for reached in self._reached(done, state, low):
                if reached not in seen:
                    seen.add(reached)
                    stack.append((*reached, low))
            if len(seen) > self._limit:
                return Unknown("linearizable", f"key {key!r}: more than {self._limit:,} states")
        return self._violation(key, farthest)

    def _reached(self, done: int, state: Any, low: int) -> Iterator[tuple[int, Any]]:
        for place in reversed(self._next(done, low)):
            for after in self._model.step(state, self._calls[place]):
                yield done | 1 << place, after

    def _next(self, done: int, low: int) -> list[int]:
        """What can come next: it was called before any other that is left had returned."""
        calls, first_return, found = self._calls, float("inf"), list[int]()
        for place in range(low, len(calls)):
            if done >> place & 1:
                continue
            call = calls[place]
            if call.begun > first_return:
                break
            first_return = min(first_return, call.ended)
            found.append(place)
        return found

    def _violation(self, key: Hashable, farthest: _Farthest) -> Violation:
        """No order: what stands in the way, where most of the operations have found a place."""
        left = [self._calls[place] for place in self._next(farthest.done, 0)]
        sure = [call for call in left if known(call)] or left
        shown = "; ".join(self._model.told(call) for call in sure[:SHOWN])
        detail = f"after {farthest.count} operations, in state {farthest.state!r}, none of these can come next: {shown}"
        property_ = "history" if key is None else f"{key}"
        return Violation("linearizable", property_, detail, tuple(call.number for call in sure))
