"""What is kept of a crash: its traceback as text, which is made when somebody reads it.

The frames themselves would hold the state that has just been given up; of them stay file, line and name. To write
the text takes 120 us, more than all else of a crash and its restart.
"""

from collections.abc import Iterator
from traceback import FrameSummary, StackSummary, format_exception, walk_tb

from typing_extensions import override

TEXT_MAX = 8_000
"""Characters of it that are kept; the end says most."""
CHAIN_MAX = 10
"""Exceptions of a chain of causes; the newest say most."""
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def named(error: BaseException) -> str:
    """One line of it."""
    return f"{type(error).__name__}: {error}"


class CrashText:
    """Of one error; `str` is the text, as Python prints it, without the marks below the lines."""

    __slots__ = ("_parts", "_text")

    def __init__(self, error: BaseException) -> None:
        self._parts: list[tuple[str, list[tuple[str, int, str]], str]] = []
        """(what joins it to the one after, its frames, its last lines), the newest first."""
        self._text = ""
        for one, joint in _chain(error):
            if isinstance(one, BaseExceptionGroup):  # a tree: rare, and Python's own to write
                self._text = "".join(format_exception(error))[-TEXT_MAX:]
                return
            frames = [
                (frame.f_code.co_filename, line, frame.f_code.co_name)
                for frame, line in walk_tb(one.__traceback__)
            ]
            self._parts.append((joint, frames, _last_lines(one)))

    @override
    def __str__(self) -> str:
        if not self._text:
            self._text = "".join(self._written())[-TEXT_MAX:]
            self._parts.clear()
        return self._text

    def _written(self) -> Iterator[str]:
        for joint, frames, last in reversed(self._parts):
            if frames:
                yield "Traceback (most recent call last):\n"
                yield from StackSummary.from_list([FrameSummary(*frame) for frame in frames]).format()
            yield last
            yield joint


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The error, what caused it, and so on; each with what is written behind it."""
    joint, seen = "", set[int]()
    one: BaseException | None = error
    while one is not None and id(one) not in seen and len(seen) < CHAIN_MAX:
        seen.add(id(one))
        yield one, joint
        if one.__cause__ is not None:
            one, joint = one.__cause__, CAUSE
        else:
            one, joint = (None if one.__suppress_context__ else one.__context__), CONTEXT


def _last_lines(error: BaseException) -> str:
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ in {"builtins", "__main__"}
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 -- the user's own __str__
        text = "<exception str() failed>"
    notes = getattr(error, "__notes__", ())
    return "\n".join([f"{name}: {text}" if text else name, *map(str, notes), ""])
