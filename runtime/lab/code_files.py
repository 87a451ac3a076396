"""Which files of ours and of the user's a run has executed, and a digest of each: whether a run is made of the same code.

The standard library and installed packages are left out, but for our own. A file's name is its path below
the folder it is imported from, so that it means the same on another machine.
"""

import sys
import sysconfig
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import FrameType
from typing import Any

OURS = Path(__file__).parents[2]
ROOMS = ("actors", "patterns", "runtime")
OTHERS = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@cache
def name_of(filename: str) -> str | None:
    """`patterns/queue/state.py`; None for a file that is neither ours nor the user's."""
    path = Path(filename)
    if any(path.is_relative_to(OURS / room) for room in ROOMS):
        return path.relative_to(OURS).as_posix()
    if not path.is_absolute() or any(path.is_relative_to(other) for other in OTHERS):
        return None  # a name in angle brackets too
    roots = [root for entry in sys.path if path.is_relative_to(root := Path(entry or ".").absolute())]
    return path.relative_to(max(roots, key=lambda root: len(root.parts), default=path.parent)).as_posix()


@contextmanager
def executed() -> Generator[set[str]]:
    """Within the block the files are collected whose functions are called, by name. It costs some times the run."""
    seen: set[str] = set()
    names: set[str] = set()
    before = sys.getprofile()

    def called(frame: FrameType, _event: str, _argument: Any) -> None:
        seen.add(frame.f_code.co_filename)

    sys.setprofile(called)
    try:
        yield names
    finally:
        sys.setprofile(before)
        names.update(name for filename in seen if (name := name_of(filename)) is not None)


def digests(names: Iterable[str]) -> dict[str, str]:
    """Of the files of these names as they are now; a file that is not there has the empty digest."""
    return {name: _digest(name) for name in sorted(names)}


def path_of(name: str) -> Path | None:
    """Where the file of this name stands here; None for one that is not there, or is of an installed package."""
    for root in (OURS, *(Path(entry or ".") for entry in sys.path)):
        if (root / name).is_file():
            return root / name if name_of(str((root / name).absolute())) == name else None
    return None


def _digest(name: str) -> str:
    path = path_of(name)
    return "" if path is None else blake2b(path.read_bytes(), digest_size=8).hexdigest()
