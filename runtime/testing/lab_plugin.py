"""Options of pytest for tests under many seeds; `runtime.testing.fixtures` brings it along.

    pytest --lab-budget "5 min"          each simulated test goes on for so long
    pytest --lab-seeds 1000              or for so many seeds
    pytest --lab-replay FILE             the run that a failure has kept, and nothing else

A test's own budget: `@pytest.mark.lab(budget="20 s")`. What fails is kept in pytest's cache, or with `--lab-save DIR` there,
with a page for a browser. The figures of a
test are JUnit properties: lab_runs, lab_failed, lab_seed, lab_file. They are tests like others to xdist.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from shlex import quote

import pytest

from runtime.lab.run_file import SUFFIX, BadRunFile, RunFile, read, written
from runtime.lab.shrink import Shrunk
from runtime.lab.target import Target
from runtime.testing.lab_settings import SETTINGS, Settings, no_more, seconds

_KEPT = pytest.StashKey[RunFile]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The lab's options."""
    group = parser.getgroup("lab", "simulated tests")
    group.addoption(
        "--lab-seeds", type=int, metavar="N", help="run each simulated test under seeds 0 to N - 1"
    )
    group.addoption(
        "--lab-seed", type=int, metavar="SEED", help="run each simulated test under this seed alone"
    )
    group.addoption(
        "--lab-budget", type=_seconds, metavar="TIME", help="go on with each for so long: '20 s', '5 min'"
    )
    group.addoption("--lab-save", metavar="DIR", help="keep what fails in this folder")
    group.addoption("--lab-replay", metavar="FILE", help="run what was kept in this file, and nothing else")


def _seconds(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise pytest.UsageError(f"--lab-budget: {error}") from None


def pytest_configure(config: pytest.Config) -> None:
    """Read the file that is to be replayed, before anything runs."""
    config.addinivalue_line(
        "markers", "lab(budget): a simulation over many seeds; for so long: '20 s', '5 min'"
    )
    seeds = config.getoption("lab_seeds", None)
    if seeds is not None and seeds < 1:
        raise pytest.UsageError(f"--lab-seeds: {seeds} seeds test nothing")
    file = config.getoption("lab_replay", None)
    if file is not None:
        try:
            config.stash[_KEPT] = read(Path(file))
        except (BadRunFile, OSError) as error:
            raise pytest.UsageError(f"--lab-replay: {error}") from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A replay runs its own test alone."""
    if _KEPT not in config.stash:
        return
    test = config.stash[_KEPT].target
    left = [item for item in items if item.nodeid != test]
    if len(left) == len(items):
        raise pytest.UsageError(f"--lab-replay: the run is of {test}, which was not collected")
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item.nodeid == test]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A simulated test looks here for what is asked of it."""
    token = SETTINGS.set(_settings(item))
    try:
        return (yield)
    finally:
        SETTINGS.reset(token)


def _settings(item: pytest.Item) -> Settings:
    option = item.config.getoption
    folder = _folder(item.config)

    def tell(name: str, value: object) -> None:
        item.user_properties.append((name, value))

    def keep(target: Target, run: Shrunk, page: Callable[[str], str]) -> str:
        assert folder is not None
        file = written(Target(item.nodeid, target.program, target.patterns), run)
        path = folder / f"{_plain(item.nodeid)}-{file.recipe.digest()[:8]}{SUFFIX}"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(file.model_dump_json(indent=1) + "\n", encoding="utf-8")
        tell("lab_file", str(path))
        again = f"pytest {quote(item.nodeid)} --lab-replay {quote(str(path))}"
        picture = path.with_suffix(".html")
        picture.write_text(page(again), encoding="utf-8")
        return f"{again}\npage: {picture.as_uri()}"

    return Settings(
        seeds=option("lab_seeds", None),
        seed=option("lab_seed", None),
        budget=_budget(item),
        replay=item.config.stash.get(_KEPT, None),
        save=no_more if folder is None else keep,
        tell=tell,
    )


def _plain(name: str) -> str:
    """As a file may be called everywhere."""
    return "".join(
        letter if letter.isalnum() or letter in "._" else "-" for letter in name.rpartition("/")[2]
    )


def _budget(item: pytest.Item) -> float | None:
    """The command line's, else the test's own."""
    asked: float | None = item.config.getoption("lab_budget", None)
    marker = item.get_closest_marker("lab")
    if asked is not None or marker is None or "budget" not in marker.kwargs:
        return asked
    try:
        return seconds(marker.kwargs["budget"])
    except ValueError as error:
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _folder(config: pytest.Config) -> Path | None:
    """Where failures are kept; None where there is no cache."""
    folder = config.getoption("lab_save", None)
    if folder is not None:
        return Path(folder).absolute()
    cache = getattr(config, "cache", None)
    return None if cache is None else Path(cache.mkdir("callboard-lab"))
