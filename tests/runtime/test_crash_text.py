"""The text that is kept of a crash is what Python prints, without its marks below the lines."""

import re
from collections.abc import Callable
from traceback import format_exception

import pytest
from typing_extensions import override

from runtime.crash_text import TEXT_MAX, CrashText


class Unsayable(Exception):
    @override
    def __str__(self) -> str:
        raise LookupError


def fail(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


def caught(step: Callable[[], None]) -> Exception:
    try:
        step()
    except ValueError as error:
        return error
    raise AssertionError


def caused() -> Exception:
    return caught(lambda: fail(ValueError("after it"), caught(lambda: fail(ValueError("the cause")))))


def nested() -> Exception:
    def step() -> None:
        try:
            fail(KeyError("first"))
        except KeyError:
            int("second")

    return caught(step)


def noted() -> Exception:
    error = ValueError("several\nlines")
    error.add_note("and a note")
    return error


def unmarked(text: str) -> str:
    return re.sub(r"^ +[~^]+\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        noted(),
        nested(),
        caused(),
        Unsayable(),
        ExceptionGroup("two", [ValueError("a"), caused()]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_text_is_what_python_prints(error: Exception) -> None:
    assert unmarked(str(CrashText(error))) == unmarked("".join(format_exception(error)))


def test_a_long_text_keeps_its_end() -> None:
    text = str(CrashText(ValueError("x" * TEXT_MAX + "the end")))
    assert len(text) == TEXT_MAX
    assert text.endswith("the end\n")


def test_a_circle_of_causes_has_an_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert "one" in str(CrashText(one))
