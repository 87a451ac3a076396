"""`callboard lab run`: an experiment by name, over so many seeds, and its numbers as a table and as files."""

from pathlib import Path

import click
import trio

from actors.errors import WorkerFailed
from runtime.lab.experiment import BadExperiment, run_in_processes
from runtime.lab.experiment_folder import BadLock, NotRepeatable, keep
from runtime.lab.experiment_report import as_table


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
        results = trio.run(run_in_processes, experiment, drawn, processes)
        said = None if out is None else keep(results, out)
    except (BadExperiment, BadLock, NotRepeatable) as error:
        raise click.ClickException(str(error)) from None
    except WorkerFailed as error:
        raise click.ClickException("\n".join([str(error), *error.__notes__])) from None
    click.echo(as_table(results), nl=False)
    if said is not None:
        click.echo(f"{out}: {said}")
