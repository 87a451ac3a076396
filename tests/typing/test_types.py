"""The type checkers refuse each line marked `# refused`, and nothing else: mypy and pyright must agree."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = [str(HERE / name) for name in ("accepted.py", "refused.py")]
_MYPY_ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error:", re.MULTILINE)

Errors = dict[str, set[int]]


def run_checker(name: str, *options: str) -> str:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install '.[check]'")
    command = [sys.executable, "-m", name, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{name} found no error, or broke:\n{done.stdout}{done.stderr}"
    return done.stdout


def mypy_errors() -> Errors:
    found: Errors = {"accepted.py": set(), "refused.py": set()}
    for match in _MYPY_ERROR.finditer(run_checker("mypy", "--hide-error-context", *FILES)):
        found.setdefault(Path(match["file"]).name, set()).add(int(match["line"]))
    return found


def pyright_errors(folder: Path) -> Errors:
    """By the project's settings but for `exclude`, which pyright applies even to files that it is given."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["pyright"] | {"include": ["."], "exclude": [], "extraPaths": [str(ROOT)]}
    for file in FILES:
        shutil.copy(file, folder)
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    output = run_checker("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(folder))
    found: Errors = {"accepted.py": set(), "refused.py": set()}
    for one in json.loads(output)["generalDiagnostics"]:
        if one["severity"] == "error":
            found.setdefault(Path(one["file"]).name, set()).add(one["range"]["start"]["line"] + 1)
    return found


def marked() -> set[int]:
    lines = (HERE / "refused.py").read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}


@pytest.mark.slow
def test_mypy_refuses_what_is_marked_and_accepts_the_rest() -> None:
    found = mypy_errors()
    assert found["accepted.py"] == set()
    assert found["refused.py"] == marked()


@pytest.mark.slow
def test_pyright_refuses_what_is_marked_and_accepts_the_rest(tmp_path: Path) -> None:
    found = pyright_errors(tmp_path)
    assert found["accepted.py"] == set()
    assert found["refused.py"] == marked()
