"""The type checkers refuse each line marked `# refused`, and nothing else: mypy and pyright must agree."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_MYPY_ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error:", re.MULTILINE)

Errors = dict[str, set[int]]


def run_checker(name: str, *options: str) -> str:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install '.[check]'")
    files = [str(HERE / file) for file in ("accepted.py", "refused.py")]
    command = [sys.executable, "-m", name, *options, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, f"{name} found no error, or broke:\n{done.stdout}{done.stderr}"
    return done.stdout


def mypy_errors() -> Errors:
    found: Errors = {"accepted.py": set(), "refused.py": set()}
    for match in _MYPY_ERROR.finditer(run_checker("mypy", "--no-error-summary", "--hide-error-context")):
        found.setdefault(Path(match["file"]).name, set()).add(int(match["line"]))
    return found


def pyright_errors() -> Errors:
    found: Errors = {"accepted.py": set(), "refused.py": set()}
    output = run_checker("pyright", "--outputjson", "--pythonpath", sys.executable)
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
def test_pyright_refuses_what_is_marked_and_accepts_the_rest() -> None:
    found = pyright_errors()
    assert found["accepted.py"] == set()
    assert found["refused.py"] == marked()
