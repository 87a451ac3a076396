"""The house rules that no linter has: what stands where, what is public, and that imports run downward."""

import ast
import importlib
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("actors", "runtime", "patterns")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES_MAX = 450
LONG: set[str] = set()
"""Over the limit today. A file that comes down leaves this list: the test says so."""
TOP = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    *ROOMS,
    "samples",
    "tests",
}
MADE = {"build", "dist", "callboard-data"}
"""What tools leave behind; git ignores it."""
PUBLIC = {
    "actors": """Activated Actor Address Append AutoShutdown Backoff Context Deferred Delete Directive Drop DurableActor
                 Elsewhere Event Fresh Intensity Key Listing Message Overflow Put ReceiveTimeout Ref Restart Restarted
                 Retry Spec StartReason StopReason Stored Strategy Terminated WakeAt actor_of enter receive receive_any""",
    "runtime": "Entropy MemoryStore Pattern SqliteStore System SystemClock VirtualClock simulate",
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("importlinter", reason="import-linter is not installed: pip install '.[test]'")
    program = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=root, capture_output=True, text=True, check=False
    )


def test_imports_keep_every_contract() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("actors/message.py", "import runtime.system", "imports run downward only"),
        ("actors/message.py", "import os", "the actor model does no I/O"),
        ("patterns/queue/actor.py", "import actors.testing", "the test kit is for tests"),
        ("runtime/upgrade.py", "import actors.testing.context", "the test kit is for tests"),
        ("patterns/queue/state.py", "import trio", "decisions await nothing and log nothing"),
        ("runtime/router.py", "import time", "time, chance, threads, sockets and disk have one door each"),
    ],
)
def test_a_planted_import_breaks_its_contract(tmp_path: Path, file: str, line: str, broken: str) -> None:
    for path in (ROOT / "pyproject.toml", *SOURCES):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    planted = tmp_path / file
    planted.write_text(planted.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert f"{broken} BROKEN" in done.stdout


@pytest.mark.parametrize("room", PUBLIC)
def test_a_front_door_has_exactly_its_listed_names(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__all__ == sorted(PUBLIC[room].split())
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_command_line_hears_ctrl_c_before_it_imports_anything_that_takes_long() -> None:
    script = PROJECT["project"]["scripts"]["callboard"].split(":")[0]
    program = f"import sys; before = set(sys.modules); import {script}; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert script in imported
    assert [name for name in imported if name.split(".")[0] in {"trio", "pydantic", "click", "actors"}] == []


def test_the_top_level_holds_only_what_belongs_there() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    found -= {name for name in found if name in MADE or name.endswith(".egg-info")}
    assert found == TOP


def test_no_file_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in SOURCES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    }
    assert set(long) == LONG, long


def undocumented(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name[0] != "_"
        and not any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)
    ]
    return [f"{path.relative_to(ROOT)}: {node.name}" for node in public if ast.get_docstring(node) is None]


def test_every_module_class_and_function_that_is_public_says_what_it_is_for() -> None:
    silent = [str(path) for path in SOURCES if ast.get_docstring(ast.parse(path.read_bytes())) is None]
    assert silent + [name for path in SOURCES for name in undocumented(path)] == []


def test_the_installed_version_is_the_projects() -> None:
    try:
        installed = metadata.version("callboard")
    except metadata.PackageNotFoundError:
        pytest.skip("callboard is not installed: pip install .")
    assert installed == PROJECT["project"]["version"]


def test_the_wheel_takes_rooms_that_are_typed_and_a_command_that_is_there() -> None:
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(ROOMS)
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []
    module, name = PROJECT["project"]["scripts"]["callboard"].split(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_map_of_the_house_names_every_file() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = [str(path.relative_to(ROOT)) for path in SOURCES if path.name != "__init__.py"]
    assert [file for file in files if f"`{file}`" not in text] == []
