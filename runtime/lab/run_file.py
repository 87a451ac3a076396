"""A run in one file, `*.callboard-run.json`: all that makes it again, and which code it was made with.

Self-contained but for the code: target, seed, options, faults, plan, and what it came to. Of another format it is
refused; of other code or another Python it is replayed by its wishes, and the replay says how far they could be followed.
"""

import json
import sys
from collections.abc import Mapping
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.lab.code_files import digests, executed
from runtime.lab.failures import Failure, failure_of
from runtime.lab.lives import Element, Kind, Recipe, live
from runtime.lab.shrink import Shrunk
from runtime.lab.target import Target

FORMAT: Literal[1] = 1
SUFFIX = ".callboard-run.json"
PYTHON = ".".join(map(str, sys.version_info[:3]))


class BadRunFile(ValueError):
    """A file that holds no run of this format."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Part):
    """The files that the run executed, as they were."""

    digest: str
    files: dict[str, str]


class Fault(_Part):
    """The power fails at this numbered effect of this life of the node."""

    life: Annotated[int, Field(ge=0)]
    crash_at: Annotated[int, Field(ge=1)]


class RunOptions(_Part):
    """What was drawn before the run."""

    inline: Annotated[float, Field(ge=0, le=1)]


class Expect(_Part):
    """What the run came to."""

    checker: str
    property: str
    trace: str
    """The digest of all its effects."""
    steps: int


class HowShrunk(_Part):
    """What shrinking has cost and brought."""

    from_steps: int
    runs: int
    minimal: bool


class RunFile(_Part):
    """What stands in the file."""

    format: Literal[1]
    callboard: str
    python: str
    code: Code
    target: str
    seed: int
    options: RunOptions
    faults: list[Fault]
    plan: list[list[str]]
    """The wishes of each life of the node."""
    expect: Expect
    shrunk: HowShrunk
    note: str = ""

    @property
    def recipe(self) -> Recipe:
        faults = [Element(Kind.FAULT, str(fault.crash_at), fault.life) for fault in self.faults]
        options = [Element(Kind.OPTION, str(self.options.inline))] if self.options.inline else []
        wishes = [Element(Kind.PLAN, wish, life) for life, plan in enumerate(self.plan) for wish in plan]
        return Recipe(self.seed, (*faults, *options, *wishes))

    @property
    def failure(self) -> Failure:
        return Failure(self.expect.checker, self.expect.property)

    @property
    def changed(self) -> list[str]:
        """Which of its files are other ones now; and Python, if it is another."""
        now = digests(self.code.files)
        files = [name for name, digest in self.code.files.items() if now[name] != digest]
        return files if self.python == PYTHON else [*files, f"Python {self.python} -> {PYTHON}"]

    def save(self, folder: Path) -> Path:
        """Into this folder, which is made; a run that fails alike has its own name for each plan."""
        name = self.target.rpartition(".")[2].replace(":", "-")
        path = folder / f"{name}-{self.recipe.digest()[:8]}{SUFFIX}"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path


def written(target: Target, shrunk: Shrunk) -> RunFile:
    """The file of a shrunk run; runs it once more, to see which code it executes."""
    with executed() as names:
        run = live(target.program, shrunk.recipe, patterns=target.patterns)
    if run.error is None:
        raise AssertionError("a run that failed passes when it is run again")
    recipe = shrunk.recipe
    files = digests(names)
    failure = failure_of(run.error)
    return RunFile(
        format=FORMAT,
        callboard=_version(),
        python=PYTHON,
        code=Code(digest=_digest(files), files=files),
        target=target.name,
        seed=recipe.seed,
        options=RunOptions(inline=recipe.inline),
        faults=[
            Fault(life=one.life, crash_at=int(one.what)) for one in recipe.elements if one.kind is Kind.FAULT
        ],
        plan=[recipe.of(Kind.PLAN, life) for life in range(len(run.lives))],
        expect=Expect(
            checker=failure.checker, property=failure.property, trace=run.digest, steps=run.effects
        ),
        shrunk=HowShrunk(from_steps=shrunk.before.effects, runs=shrunk.candidates, minimal=shrunk.minimal),
    )


def read(path: Path) -> RunFile:
    """Raises BadRunFile with the place of what is wrong; OSError."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadRunFile(f"{path}: no JSON: {error}") from None
    version = cast("dict[str, Any]", found).get("format") if isinstance(found, dict) else None
    if version != FORMAT:
        raise BadRunFile(f"{path}: format is {version!r}, and this release reads format {FORMAT}")
    try:
        return RunFile.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRunFile(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _version() -> str:
    try:
        return metadata.version("callboard")
    except metadata.PackageNotFoundError:  # run from its sources
        return ""


def _digest(files: Mapping[str, str]) -> str:
    return blake2b(repr((PYTHON, sorted(files.items()))).encode(), digest_size=8).hexdigest()
