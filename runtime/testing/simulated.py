"""A test's body under many seeds; a failure shows the run as a picture, and how to run it again.

    @simulated(seeds=50, patterns=[pattern])
    async def test_no_order_is_lost(system: System) -> None: ...

Each seed is a run of `runtime.simulate`: its own order of tasks, of turns and of draws, its own disk. With a
`strategy` it is `runtime.lab.explore` that goes through the schedules. Other arguments of the test are pytest's, so
that fixtures and parameters go on to work.
"""

import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec

from runtime.clock import SystemClock, stopwatch
from runtime.entropy import Entropy
from runtime.lab.choices import Choices
from runtime.lab.diagram import laid_out
from runtime.lab.diagram_text import text
from runtime.lab.explore import Explored, Found, Options, explore
from runtime.lab.film import film
from runtime.lab.lives import Recipe, live
from runtime.lab.replaying import replay_file
from runtime.lab.report import Find, Searched, report
from runtime.lab.run_file import RunFile
from runtime.lab.shrink import shrink
from runtime.lab.simulation import INLINE, Program, attempt
from runtime.lab.strategies import Walk
from runtime.lab.target import Target
from runtime.pattern import Pattern
from runtime.system import System
from runtime.testing.finds import LINES, explained, shortest_of_each
from runtime.testing.lab_settings import SETTINGS, Settings
from runtime.testing.unwrapped import unwrapped

P = ParamSpec("P")
FINDS_MAX = 5
"""Runs that fail, before a test gives up: some of them may fail in another way."""
SEEDS_MAX = 10_000_000
"""Where it is the budget that ends a test."""

SHRINK_RUNS = 300
NO_SEED = "something in it is outside the seed's reach, so it can be neither shrunk nor replayed"

Body = Callable[Concatenate[System, P], Coroutine[Any, Any, None]]


def simulated(
    seeds: int | Iterable[int], *, strategy: str | None = None, patterns: Sequence[Pattern] = ()
) -> Callable[[Body[P]], Callable[P, None]]:
    """Run the body, whose first argument is the system, once for each seed; a number n stands for 0 to n - 1.

    Without a strategy each seed is a run by itself: `seeds=[7]` is the seventh again. With one (`pos`, `delay:1`, `dfs`; all
    of `explore`'s) runs learn from one another. The error is the body's own, with a note; of several that failed alike
    the one with the fewest choices, shrunk. In pytest, `--lab-seeds`, `--lab-seed`, `--lab-budget` and the marker `lab(budget="20 s")`
    say otherwise how many, and `--lab-replay` runs what was kept of a failure.
    """
    chosen = range(seeds) if isinstance(seeds, int) else list(seeds)
    if not chosen:
        raise ValueError("simulated: without a seed nothing is tested")

    def decorate(body: Body[P]) -> Callable[P, None]:
        @wraps(body)
        def test(*args: P.args, **kwargs: P.kwargs) -> None:
            program: Program = lambda system: body(system, *args, **kwargs)  # noqa: E731 -- its type is said
            settings = SETTINGS.get(None) or Settings()
            target = Target(body.__name__, program, patterns)
            if settings.replay is not None:
                unwrapped(partial(_replay, target, settings.replay, settings))
            else:
                explored = _explored(program, _seeds(chosen, settings), strategy, patterns, settings)
                unwrapped(lambda: _judge(target, explored, settings))

        _, *others = inspect.signature(body).parameters.values()
        vars(test)["__signature__"] = inspect.Signature(others)  # pytest must not look for a fixture `system`
        return test

    return decorate


def _seeds(chosen: Sequence[int], settings: Settings) -> Sequence[int]:
    if settings.seed is not None:
        return [settings.seed]
    if settings.seeds is not None:
        return range(settings.seeds)
    return chosen if settings.budget is None else range(SEEDS_MAX)


def _explored(
    program: Program,
    seeds: Sequence[int],
    strategy: str | None,
    patterns: Sequence[Pattern],
    settings: Settings,
) -> Explored:
    enough = _spent(settings.budget)
    if strategy is not None:
        return explore(
            program,
            strategy=strategy,
            seeds=seeds,
            patterns=patterns,
            stop_at=FINDS_MAX,
            enough=enough,
        )
    explored = Explored([])
    for seed in seeds:
        if enough() or len(explored.found) == FINDS_MAX:
            break
        choices = Choices(Walk(Entropy(seed).stream("schedule")))
        run = attempt(program, seed=seed, patterns=patterns, choices=choices, inline=INLINE)
        explored.runs += 1
        if run.error is not None:
            options = Options(seed, "walk", INLINE)
            explored.found.append(Found(explored.runs, options, run.plan, run.error, run.digest))
    return explored


def _spent(budget: float | None) -> Callable[[], bool]:
    """Whether so many seconds of real time are over."""
    if budget is None:
        return bool
    now = stopwatch(SystemClock())
    end = now() + budget
    return lambda: now() >= end


def _replay(target: Target, saved: RunFile, settings: Settings) -> None:
    """The run that was kept, as far as today's code can follow it. Raises what it fails with; NotDeterministic."""
    replayed = replay_file(target, saved)
    settings.tell("lab_replay", replayed.verdict.value)
    if replayed.run.error is None:
        return
    shown = film(target.program, replayed.run.recipe, patterns=target.patterns)
    assert shown.error is not None
    shown.error.add_note(f"{replayed}\n{text(laid_out(shown), lines=LINES)}")
    raise shown.error


def _judge(target: Target, explored: Explored, settings: Settings) -> None:
    """Raises what the shortest run fails with when it has been shrunk."""
    settings.tell("lab_runs", explored.runs)
    settings.tell("lab_failed", len(explored.found))
    if not explored.found:
        return
    test, program, patterns = target.name, target.program, target.patterns
    found, _ = shortest_of_each(explored.found)[0]
    settings.tell("lab_seed", found.options.seed)
    if live(program, found.recipe, patterns=patterns).digest != found.digest:
        found.error.add_note(
            f"{test}: run again under seed {found.options.seed} it did something else: {NO_SEED}"
        )
        raise found.error
    shrunk = shrink(program, found.recipe, patterns=patterns, budget=SHRINK_RUNS)
    shown = film(program, shrunk.recipe, patterns=patterns)
    assert shown.error is not None

    def page(again: str) -> str:
        beside = film(program, Recipe(found.options.seed), patterns=patterns)
        find = Find(shrunk.recipe, shown, again, beside if beside.error is None else None)
        return report(test, searches=[Searched(found.options.strategy, explored)], finds=[find])

    again = settings.save(target, shrunk, page) or _by_hand(found)
    shown.error.add_note(explained(test, explored, found, shrunk, film=shown, again=again))
    raise shown.error


def _by_hand(found: Found) -> str:
    if found.options.strategy == "walk":
        return f"@simulated(seeds=[{found.options.seed}])"
    return f"the same search comes to it in run {found.number}"
