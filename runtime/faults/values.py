"""What rules are written in: seconds with a unit, names with wildcards."""

import re
from fnmatch import translate
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, Field

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3_600.0}
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min|m|h)")
SECONDS_MAX = 31 * 86_400.0


def seconds(value: object) -> object:
    """`20 s`, `200 ms`, `10 min`, `1 h` as a float; anything else as it came, for pydantic to judge."""
    if not isinstance(value, str):
        return value
    found = _SECONDS.fullmatch(value.strip())
    if found is None:
        raise ValueError("a time is a number and a unit, such as 20 s, 200 ms, 10 min, 1 h")
    return float(found[1]) * UNITS[found[2]]


Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=SECONDS_MAX, allow_inf_nan=False)]
"""A time: a float in seconds, or a text with its unit."""


@lru_cache(maxsize=4_096)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def fits(glob: str, name: str) -> bool:
    """Whether `name` is one of those that `glob` stands for: `*`, `?`, `[12]`; upper and lower case differ."""
    return _pattern(glob).match(name) is not None
