"""A run that has failed, in a file: what `pytest --lab-replay` runs again."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runtime.lab.lives import Element, Kind, Recipe
from runtime.testing.lab_settings import Kept

VERSION = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int
    test: str
    seed: int
    strategy: str
    digest: str
    elements: list[tuple[Kind, str, int]]


class SavedRunIsInvalid(ValueError):
    """The file is none, or of another version."""


def save(path: Path, test: str, kept: Kept) -> None:
    """Write it, and its folders."""
    recipe = kept.recipe
    elements = [(one.kind, one.what, one.life) for one in recipe.elements]
    file = _File(
        version=VERSION,
        test=test,
        seed=recipe.seed,
        strategy=kept.strategy,
        digest=kept.digest,
        elements=elements,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.model_dump_json(indent=1), encoding="utf-8")


def load(path: Path) -> tuple[str, Kept]:
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
    recipe = Recipe(file.seed, tuple(Element(*one) for one in file.elements))
    return file.test, Kept(recipe, file.strategy, file.digest)


def name_of(test: str, kept: Kept) -> str:
    """Of the file for a run of this test."""
    plain = "".join(
        letter if letter.isalnum() or letter in "._-" else "-" for letter in test.rpartition("/")[2]
    )
    return f"{plain}-{kept.recipe.digest()[:8]}.pytest-run.json"
