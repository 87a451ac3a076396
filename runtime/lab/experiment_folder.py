"""An experiment's folder: rows, table, pictures, and `experiment.lock`, which says of what code and options they are.

Running it again gives the same numbers to the last digit. The lock that is there is what they are compared with: numbers
that differ though nothing else does are refused, and the folder stays as it is.
"""

import ast
import json
import platform
from collections.abc import Iterator
from hashlib import blake2b
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runtime.lab.code_files import digests, name_of, path_of
from runtime.lab.experiment import Results, Value
from runtime.lab.experiment_report import as_csv, as_svg, as_table

LOCK = "experiment.lock"
VERSION = 1


class NotRepeatable(Exception):
    """The same code and the same options, and other numbers: the program draws from something that no seed rules."""


class BadLock(ValueError):
    """What stands in the folder as `experiment.lock` is none, or of a later version."""


class Lock(BaseModel):
    """All that the numbers follow from, and a digest of the numbers."""

    version: int
    experiment: str
    sweep: dict[str, list[Value]]
    seeds: list[int]
    versions: dict[str, str]
    """Of Python and of the packages that a run stands on."""
    code: dict[str, str]
    """A digest of each file that the experiment imports, by name: ours and the user's."""
    rows: str
    """A digest of the CSV."""


def lock_of(results: Results) -> Lock:
    """The lock of these results, of the code as it is now."""
    experiment = results.experiment
    return Lock(
        version=VERSION,
        experiment=experiment.name,
        sweep={name: list(values) for name, values in experiment.sweep.items()},
        seeds=list(results.seeds),
        versions={"python": platform.python_version(), "trio": metadata.version("trio")},
        code=digests(imported(experiment.point.__code__.co_filename)),
        rows=blake2b(as_csv(results).encode(), digest_size=16).hexdigest(),
    )


def keep(results: Results, folder: Path) -> str:
    """Write all of it, the folder too if need be; says in one sentence how it stands to what was there.

    A Parquet file is among it where pyarrow is installed: the extra `callboard[experiments]`. Raises NotRepeatable and
    BadLock, and then writes nothing.
    """
    lock = lock_of(results)
    said = compared(_lock_in(folder), lock)
    folder.mkdir(parents=True, exist_ok=True)
    for measure in results.measures:
        (folder / f"{measure}.svg").write_text(as_svg(results, measure), encoding="utf-8")
    (folder / "rows.csv").write_text(as_csv(results), encoding="utf-8")
    (folder / "table.txt").write_text(as_table(results), encoding="utf-8")
    _keep_parquet(results, folder / "rows.parquet")
    (folder / LOCK).write_text(lock.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return said


def compared(before: Lock | None, now: Lock) -> str:
    """How the numbers stand to those of the lock before. Raises NotRepeatable."""
    if before is None:
        return "kept for the first time"
    if (before.experiment, before.sweep, before.seeds) != (now.experiment, now.sweep, now.seeds):
        return "not compared: the folder held another experiment, other points or other seeds"
    changed = [
        name for name in sorted({*before.code, *now.code}) if before.code.get(name) != now.code.get(name)
    ]
    changed += [
        f"{name} {version}" for name, version in now.versions.items() if before.versions.get(name) != version
    ]
    if before.rows == now.rows:
        return "the same numbers, to the last digit" + (" though the code has changed" if changed else "")
    if not changed:
        raise NotRepeatable(f"{now.experiment}: the same code and options as in {LOCK}, and other numbers")
    return f"other numbers; changed since: {', '.join(changed)}"


def imported(filename: str) -> set[str]:
    """The names of the files, ours and the user's, that this one imports, directly or by others; its own is among them.

    They are read, not run: so it is the same in each process, whatever it has imported by then.
    """
    found: set[str] = set()
    open_ = [name for name in [name_of(filename)] if name is not None]
    while open_:
        name = open_.pop()
        path = path_of(name)
        if name not in found and path is not None:
            found.add(name)
            open_ += _names_in(path)
    return found


def _names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for module in modules:
            base = module.replace(".", "/")
            yield from (f"{base}.py", f"{base}/__init__.py")


def _lock_in(folder: Path) -> Lock | None:
    path = folder / LOCK
    if not path.exists():
        return None
    try:
        given = json.loads(path.read_bytes())
        if given["version"] != VERSION:
            raise BadLock(f"{path}: version {given['version']}, this Callboard reads {VERSION}")
        return Lock.model_validate(given)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadLock):
            raise
        raise BadLock(f"{path}: not a lock of an experiment: {error}") from None


def _keep_parquet(results: Results, path: Path) -> None:
    try:
        pyarrow: Any = import_module("pyarrow")
    except ModuleNotFoundError:
        return
    columns: dict[str, list[Any]] = {
        name: [row.parameters[name] for row in results.rows] for name in results.experiment.sweep
    }
    columns["seed"] = [row.seed for row in results.rows]
    columns |= {name: [row.measures[name] for row in results.rows] for name in results.measures}
    import_module("pyarrow.parquet").write_table(pyarrow.table(columns), path)
