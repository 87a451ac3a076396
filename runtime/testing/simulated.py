"""A test's body under many seeds; a failure names its seed and the last effects of the run.

    @simulated(seeds=50, patterns=[pattern])
    async def test_no_order_is_lost(system: System) -> None: ...

Each seed is a run of `runtime.simulate`: its own order of tasks, of turns and of draws, its own disk. Other
arguments of the test are pytest's, so that fixtures and parameters go on to work.
"""

import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from runtime.lab.simulation import simulate
from runtime.pattern import Pattern
from runtime.system import System
from runtime.testing.unwrapped import unwrapped

P = ParamSpec("P")
SHOWN = 20
"""Effects that a failure shows."""

Body = Callable[Concatenate[System, P], Coroutine[Any, Any, None]]


def simulated(
    seeds: int | Iterable[int], *, patterns: Sequence[Pattern] = ()
) -> Callable[[Body[P]], Callable[P, None]]:
    """Run the body, whose first argument is the system, once for each seed; a number n stands for 0 to n - 1.

    The first seed that fails ends it: the error is the body's own, with a note.
    """
    chosen = list(range(seeds) if isinstance(seeds, int) else seeds)
    if not chosen:
        raise ValueError("simulated: without a seed nothing is tested")

    def decorate(body: Body[P]) -> Callable[P, None]:
        @wraps(body)
        def test(*args: P.args, **kwargs: P.kwargs) -> None:
            for number, seed in enumerate(chosen):
                where = f"{number + 1} of {len(chosen)}"
                _once(lambda system: body(system, *args, **kwargs), body.__name__, seed, where, patterns)

        _, *others = inspect.signature(body).parameters.values()
        vars(test)["__signature__"] = inspect.Signature(others)  # pytest must not look for a fixture `system`
        return test

    return decorate


def _once(
    program: Callable[[System], Coroutine[Any, Any, None]],
    name: str,
    seed: int,
    where: str,
    patterns: Sequence[Pattern],
) -> None:
    effects: list[str] = []
    with _Explained(name, seed, where, effects):
        unwrapped(lambda: simulate(program, seed=seed, patterns=patterns, trace_into=effects))


class _Explained:
    """Adds to an error under which seed it came, and what the run did last."""

    def __init__(self, name: str, seed: int, where: str, effects: list[str]) -> None:
        self._note = f"{name} failed under seed {seed}, {where}; alone again: @simulated(seeds=[{seed}])"
        self._effects = effects

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        last = "\n  ".join(self._effects[-SHOWN:]) or "none"
        error.add_note(self._note)
        error.add_note(f"last effects (step, time, kind, actor, number in its incarnation, what):\n  {last}")
