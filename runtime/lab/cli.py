"""`callboard lab check`, `explore`, `crash-points`, `shrink`, `replay`, `diff`, `run`: find a failing run, shrink, save and replay it.

Exit codes: 0 nothing fails, 1 a run fails, 2 a wrong option, a file that holds no run, or a run that is not deterministic.
"""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import structlog

from runtime.lab.crash_points import crash_points
from runtime.lab.experiment_command import run as run_experiment
from runtime.lab.explore import explore
from runtime.lab.failures import failure_of, sentence
from runtime.lab.lives import Lived, Recipe, live
from runtime.lab.portfolio import check_all
from runtime.lab.replaying import NotDeterministic, replay_file
from runtime.lab.run_file import BadRunFile, RunFile, read, written
from runtime.lab.shrink import Shrunk, shrink
from runtime.lab.target import BadTarget, Target, target_of
from runtime.lab.traces import difference, lines_of

LINES_MAX = 40
"""Of a trace, unless all are asked for."""


@click.group()
def lab() -> None:
    """Run a program under every order and power cut there is; shrink what fails, save it, replay it.

    TARGET is module:function, an async function that takes a System. After a power cut it is called again.
    """
    sys.path.insert(0, str(Path.cwd()))


lab.add_command(run_experiment)
_save = click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    default="runs",
    show_default=True,
    help="Folder for a run that fails.",
)
_run = click.argument("run", type=click.Path(dir_okay=False, exists=True, path_type=Path))
_seeds = click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True, help="Runs.")


@lab.command()
@click.argument("target")
@_seeds
@_save
def check(target: str, seeds: int, save: Path) -> None:
    """Try the default schedule, power cuts, one delay, then strategies that draw, until one run fails."""
    with _quiet():
        chosen = _target(target)
        checked = check_all(chosen.program, runs=seeds, patterns=chosen.patterns)
        for line in checked.covered:
            click.echo(f"covered  {line}")
        if checked.found is None:
            click.echo(f"{target} passes {checked.runs} runs\n{checked.confidence}")
            return
        _report(chosen, checked.found.recipe, checked.confidence, save)


@lab.command(name="explore")
@click.argument("target")
@click.option("--strategy", default="pos", show_default=True, help="pos, walk, pct:3, delay:1, dfs ...")
@_seeds
@_save
def explore_(target: str, strategy: str, seeds: int, save: Path) -> None:
    """Try one strategy until a run fails."""
    with _quiet():
        chosen = _target(target)
        try:
            explored = explore(chosen.program, strategy=strategy, seeds=seeds, patterns=chosen.patterns)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if not explored.found:
            every = "; there is no other within its bound" if explored.complete else ""
            click.echo(f"{target} passes {explored.runs} runs of {strategy}{every}")
            return
        _report(chosen, explored.found[0].recipe, f"found by {strategy}, in run {explored.runs}", save)


@lab.command(name="crash-points")
@click.argument("target")
@click.option("--pairs", type=click.IntRange(min=0), default=0, show_default=True, help="Runs for pairs.")
@_save
def crash_points_(target: str, pairs: int, save: Path) -> None:
    """Cut the power at each effect of the default schedule, and at pairs of them."""
    with _quiet():
        chosen = _target(target)
        points = crash_points(chosen.program, pairs=pairs, patterns=chosen.patterns)
        text = (
            f"{points.singles} of {points.points} single crash points, {points.pairs} pairs: "
            f"{len(points.found)} fail"
        )
        if not points.found:
            click.echo(text)
            return
        _report(chosen, points.found[0].recipe, text, save)


@lab.command()
@_run
@click.option("--guided", is_flag=True, help="Go by its wishes even if the code is the same.")
@click.option("--target", help="Another program than the one that it was made with.")
@click.option("--trace", is_flag=True, help="Show all steps.")
def replay(run: Path, guided: bool, target: str | None, trace: bool) -> None:  # noqa: FBT001
    """Make a saved run again: exactly, if the code is the same; else guided by its wishes."""
    with _quiet():
        saved = _read(run)
        chosen = _target(target or saved.target)
        try:
            replayed = replay_file(chosen, saved, guided=guided or target is not None)
        except NotDeterministic as error:
            _refuse(str(error))
        for line in lines_of(replayed.run)[: None if trace else 0]:
            click.echo(line)
        if replayed.changed:
            click.echo(f"changed since: {', '.join(replayed.changed)}")
        click.echo(f"{'exact' if replayed.exact else 'guided'}: {replayed}")
        sys.exit(0 if replayed.run.error is None else 1)


@lab.command(name="shrink")
@_run
def shrink_(run: Path) -> None:
    """Shrink a saved run further, into a file beside it."""
    with _quiet():
        saved = _read(run)
        _report(_target(saved.target), saved.recipe, f"from {run}", run.parent)


@lab.command()
@_run
@click.argument("other", type=click.Path(dir_okay=False, exists=True, path_type=Path))
def diff(run: Path, other: Path) -> None:
    """Show where two saved runs part, and what each actor does otherwise from there."""
    with _quiet():
        first, second = (_again(_read(path)) for path in (run, other))
        click.echo("\n".join(difference(first, second)))


def _again(saved: RunFile) -> Lived:
    target = _target(saved.target)
    return live(target.program, saved.recipe, patterns=target.patterns)


def _report(target: Target, failing: Recipe, confidence: str, folder: Path) -> NoReturn:
    """What fails, the least trace, what was removed, how sure, and how to see it again; ends with 1."""
    shrunk = shrink(target.program, failing, patterns=target.patterns)
    path = written(target, shrunk).save(folder)
    lines = [_sentence(shrunk.run), "", *_short(lines_of(shrunk.run)), "", _removed(shrunk)]
    lines += [f"needed   {one}" for one in shrunk.recipe.elements]
    lines += [f"also     {failure}" for failure in shrunk.others]
    lines += [confidence, f"replay   callboard lab replay {path}"]
    click.echo("\n".join(lines))
    sys.exit(1)


def _sentence(run: Lived) -> str:
    if run.error is None:
        raise AssertionError("what was shrunk has not failed")
    return f"{sentence(run.error)}   ({failure_of(run.error)})"


def _short(lines: list[str]) -> list[str]:
    left = len(lines) - LINES_MAX
    return lines if left <= 0 else [f"  ... {left} steps before ...", *lines[left:]]


def _removed(shrunk: Shrunk) -> str:
    recipe, minimal = shrunk.recipe, "" if shrunk.minimal else ", not minimal: the budget is spent"
    return (
        f"shrunk   {len(shrunk.dropped)} of {len(shrunk.dropped) + len(recipe.elements)} elements removed, "
        f"preemptions {shrunk.before.preemptions} -> {shrunk.run.preemptions}, {shrunk.candidates} runs{minimal}"
    )


def _target(name: str) -> Target:
    try:
        return target_of(name)
    except BadTarget as error:
        raise click.UsageError(str(error)) from None


def _read(path: Path) -> RunFile:
    try:
        return read(path)
    except (BadRunFile, OSError) as error:
        _refuse(str(error))


def _refuse(text: str) -> NoReturn:
    click.echo(f"Error: {text}", err=True)
    sys.exit(2)


@contextmanager
def _quiet() -> Generator[None]:
    """What a run logs is no news here: the reports say what it came to."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
