"""What a user meets at a front door says what it is for, and what it raises."""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

ROOMS = ("actors", "runtime", "patterns.flow", "patterns.routers")
PORTS = {"MemoryStore", "SqliteStore", "SystemClock"}
"""What their methods are for says the protocol that they keep: `Store`, `Clock`."""
CONSTRUCTORS = {"__init__", "__new__", "__post_init__"}
FAMILIAR = {"AssertionError", "AttributeError", "NotImplementedError", "StopAsyncIteration"}
"""Raised as every reader of Python expects it."""


def public() -> Iterator[tuple[str, Any]]:
    """The front doors' classes and functions; a union of types has no docstring to look at."""
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) or inspect.isfunction(found):
                yield f"{room}.{name}", found


PUBLIC = dict(public())


def definition(found: Any) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    return node


def functions(node: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Its methods, or itself; of an overloaded one the last, which is documented for all."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node]
    assert isinstance(node, ast.ClassDef)
    last = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    return list(last.values())


def overrides(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "override" for one in node.decorator_list)


def raised(node: ast.AST) -> set[str]:
    calls = [one.exc for one in ast.walk(node) if isinstance(one, ast.Raise)]
    return {one.func.id for one in calls if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}


@pytest.mark.parametrize("name", [name for name in PUBLIC if name.rpartition(".")[2] not in PORTS])
def test_each_public_method_says_what_it_is_for(name: str) -> None:
    silent = [
        one.name
        for one in functions(definition(PUBLIC[name]))
        if one.name[0] != "_" and not overrides(one) and ast.get_docstring(one) is None
    ]
    assert silent == []


@pytest.mark.parametrize(
    "name", [name for name, found in PUBLIC.items() if issubclass(type(found), type(Enum))]
)
def test_each_member_of_an_enum_says_what_it_means(name: str) -> None:
    body = definition(PUBLIC[name]).body
    silent = [
        ast.unparse(one)
        for one, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(one, ast.Assign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert silent == []


@pytest.mark.parametrize("name", PUBLIC)
def test_what_a_front_door_raises_itself_stands_in_its_docstring(name: str) -> None:
    node = definition(PUBLIC[name])
    about = ast.get_docstring(node) or ""
    unsaid = {
        f"{one.name}: {error}"
        for one in functions(node)
        if one.name[0] != "_" or one.name in CONSTRUCTORS
        for error in raised(one) - FAMILIAR
        if error not in about and error not in (ast.get_docstring(one) or "")
    }
    assert unsaid == set()
