"""A run that has failed, in a file: what `pytest --lab-replay` runs again."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.lab.explore import Found, Options

VERSION = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int
    test: str
    seed: int
    strategy: str
    inline: float
    number: int
    digest: str
    error: str
    plan: list[str]


class SavedRunIsInvalid(ValueError):
    """The file is none, or of another version."""


class Saved(Exception):
    """What a saved run failed with, as far as a file can tell."""


def save(path: Path, test: str, found: Found) -> None:
    """Write it, and its folders."""
    options = found.options
    file = _File(
        version=VERSION,
        test=test,
        seed=options.seed,
        strategy=options.strategy,
        inline=options.inline,
        number=found.number,
        digest=found.digest,
        error=repr(found.error),
        plan=found.plan,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.model_dump_json(indent=1), encoding="utf-8")


def load(path: Path) -> tuple[str, Found]:
    """The test's name and its run. Raises SavedRunIsInvalid."""
    try:
        file = _File.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SavedRunIsInvalid(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SavedRunIsInvalid(f"{path}: no run of the lab: {where}: {first['msg']}") from None
    if file.version != VERSION:
        raise SavedRunIsInvalid(f"{path}: of version {file.version}, and this is version {VERSION}")
    options = Options(file.seed, file.strategy, file.inline)
    return file.test, Found(file.number, options, file.plan, Saved(file.error), file.digest)


def name_of(test: str, found: Found) -> str:
    """Of the file for a run of this test."""
    kept = "".join(
        letter if letter.isalnum() or letter in "._-" else "-" for letter in test.rpartition("/")[2]
    )
    return f"{kept}-{found.options.seed}.callboard-run.json"
