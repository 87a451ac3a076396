"""The tour's page shows each program and what it prints: this writes both into it, below the line that links the program.

python -m tests.house.tour_page
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "samples" / "tour"
PAGE = TOUR / "README.md"
SHOWN = re.compile(
    r"^\[(\w+)\.py\]\(\1\.py\)\n(?:\n```python\n(.*?)^```\n\nprints\n\n```text\n(.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
"""A program's link, alone on its line; below it the program and its output, where the page has been written before."""


def programs() -> list[str]:
    """In the order of the page."""
    return [shown[1] for shown in SHOWN.finditer(PAGE.read_text(encoding="utf-8"))]


def source(program: str) -> str:
    return (TOUR / f"{program}.py").read_text(encoding="utf-8")


def shown(program: str) -> tuple[str, str]:
    """The program and its output, as the page has them."""
    found = {found[1]: (found[2], found[3]) for found in SHOWN.finditer(PAGE.read_text(encoding="utf-8"))}
    return found[program]


def output(program: str, folder: Path) -> str:
    """What the program prints when it is run in an empty folder."""
    command = [sys.executable, "-W", "error", "-m", f"samples.tour.{program}"]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(found: re.Match[str]) -> str:
    program = found[1]
    with TemporaryDirectory() as folder:
        printed = output(program, Path(folder))
    link = f"[{program}.py]({program}.py)"
    return f"{link}\n\n```python\n{source(program)}```\n\nprints\n\n```text\n{printed}```\n"


if __name__ == "__main__":
    PAGE.write_text(SHOWN.sub(written, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
