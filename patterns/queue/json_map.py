"""A JSON map that a client gives as the text of an attribute: parsed, or known to be none."""

import json
from collections.abc import Iterable
from typing import Any, cast

DEPTH_MAX = 32
"""Lists and maps in each other. No policy needs them; thousands overflow the stack of whoever compares two policies."""


def json_map(text: str) -> dict[str, Any] | None:
    """None: `text` is no JSON object, or nests deeper than `DEPTH_MAX`. Of the values nothing is known."""
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or _is_deep(cast("dict[str, Any]", parsed)):
        return None
    return cast("dict[str, Any]", parsed)


def _is_deep(parsed: object) -> bool:
    level: list[Any] = [parsed]
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(one, list | dict) for one in level)


def _inside(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("Iterable[Any]", value) if isinstance(value, list) else ()
