"""`callboard check`: whether this release reads what a stopped node, or an earlier release, has kept.

Exit codes: 0 all of it, 1 not all of it, or there is nothing to look at, 2 a wrong option.
"""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click
import trio

from actors.records import BadRecord
from runtime.boundary import Boundary
from runtime.clock import SystemClock
from runtime.kept_samples import samples_of, store_of
from runtime.pattern import installed_patterns
from runtime.store import SqliteStore
from runtime.store.port import StoreInUse, StoreTooNew, StoreUnusable
from runtime.store.sqlite_file import FILE
from runtime.upgrade import Report, check_store

COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.command()
@click.option(
    "--data",
    default="callboard-data",
    show_default=True,
    envvar="CALLBOARD_DATA",
    help="Data folder of a stopped node.",
)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    help="If all is read, write samples of it to this folder. They hold what users have sent.",
)
@click.option(
    "--against",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Read the samples of this folder instead, of whichever release.",
)
def check(data: str, save: Path | None, against: Path | None) -> None:
    """Tell whether this release can read all that a stopped node has kept: before an upgraded one is started on it.

    No row is changed. Exit code 1: what cannot be read back is named, with its error; so is a damaged file.
    """
    if save is not None and against is not None:
        raise click.UsageError("--save writes samples of --data, --against reads samples: choose")
    if against is not None and click.get_current_context().get_parameter_source("data") is COMMANDLINE:
        raise click.UsageError("--data is read, or the samples of --against: choose")
    try:
        if against is None:
            unread = trio.run(_check, Path(data), save)
        else:
            unread = trio.run(_against, _samples(against))
    except (OSError, StoreInUse, StoreTooNew, StoreUnusable) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(1 if unread else 0)


async def _check(folder: Path, save: Path | None) -> int:
    if not (folder / FILE).is_file():
        raise click.ClickException(f"data folder {folder}: no node has kept anything there")
    async with _opened(folder) as store:
        damage = await store.damage()
        for line in damage:
            click.echo(f"{folder / FILE} is damaged: {line}")
        report = Report()
        with Boundary() as boundary:
            report = await check_store(store, installed_patterns())
        if boundary.error is not None:
            if not damage:
                raise boundary.error
            raise click.ClickException(f"its actors cannot be told: {boundary.error}")
        if save is not None and not report.unread and not damage:
            _write(save, await samples_of(store))
    _say("", report)
    click.echo(f"{report.read} actors can be read back, {len(report.unread)} cannot.")
    return len(report.unread) + len(damage)


def _samples(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.json"))
    if not files:
        raise click.ClickException(f"{folder} holds no samples: write some with --save")
    return files


async def _against(files: Sequence[Path]) -> int:
    patterns, bad = installed_patterns(), 0
    for file in files:
        try:
            report = await check_store(store_of(file.read_bytes()), patterns)
        except BadRecord as error:
            bad += 1
            click.echo(f"{file.name}  {error}")
        else:
            bad += len(report.unread)
            _say(f"{file.name}  ", report)
    click.echo(f"{len(files) - bad} samples can be read back, {bad} cannot.")
    return bad


def _say(where: str, report: Report) -> None:
    for one in report.unread:
        click.echo(f"{where}{one.actor}  {one.error}")


def _write(folder: Path, samples: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, sample in samples.items():
        (folder / name).write_bytes(sample)


@asynccontextmanager
async def _opened(folder: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(folder, SystemClock().now)
    try:
        yield store
    finally:
        with trio.CancelScope(shield=True):  # closing takes no longer than a commit
            await store.aclose()
