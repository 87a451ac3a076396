"""`callboard lab run`: an experiment by name, over so many seeds, and its numbers as a table and as files."""

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import trio

from actors.errors import WorkerFailed
from runtime.lab.experiment import BadExperiment, Results, run_in_processes
from runtime.lab.experiment_folder import BadLock, NotRepeatable, keep
from runtime.lab.experiment_report import as_table
from runtime.lab.target import BadTarget


class Refused(click.ClickException):
    """One clear sentence, and exit code 2 as `callboard lab`'s others have: nothing is wrong with a run, but with what was asked."""

    exit_code = 2


@click.command("run")
@click.argument("experiment")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many, from --first-seed on.",
)
@click.option("--first-seed", type=int, default=0, show_default=True)
@click.option("--processes", type=click.IntRange(min=1), help="At once; one a core by default.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for rows, table, pictures and lock.",
)
def run(experiment: str, seeds: int, first_seed: int, processes: int | None, out: Path | None) -> None:
    """Run EXPERIMENT (module:NAME) at each of its points under each seed, and print what it measures."""
    drawn = range(first_seed, first_seed + seeds)
    try:
        results = trio.run(_run, experiment, drawn, processes)
        said = None if out is None else keep(results, out)
    except (BadExperiment, BadLock, BadTarget, NotRepeatable) as error:
        raise Refused(str(error)) from None
    except WorkerFailed as error:
        raise click.ClickException("\n".join([str(error), *error.__notes__])) from None
    click.echo(as_table(results), nl=False)
    if said is not None:
        click.echo(f"{out}: {said}")


async def _run(experiment: str, seeds: Sequence[int], processes: int | None) -> Results:
    with trio.CancelScope() as scope, _cancelled_by_signals(scope):
        return await run_in_processes(experiment, seeds, processes)
    raise click.exceptions.Exit(130)


@contextmanager
def _cancelled_by_signals(scope: trio.CancelScope) -> Generator[None]:
    """The command line ends at once by its own handler: the processes would work on, each to the end of its seed."""
    token = trio.lowlevel.current_trio_token()

    def heard(_number: int, _frame: object) -> None:
        token.run_sync_soon(scope.cancel)

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
