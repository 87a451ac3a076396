"""The page for those who come from another framework: each line of code in its tables is one that has run."""

import json
import re
import subprocess
import sys

import pytest

from tests.house import tour_page

PAGE = (tour_page.TOUR / "coming_from.md").read_text(encoding="utf-8")
FILE = tour_page.TOUR / "coming_from.py"
RUN = f"""
import json, sys, trace
import trio
import patterns.flow, patterns.routers, runtime.system

def run():
    from samples.tour import coming_from
    trio.run(coming_from.main)

tracer = trace.Trace(count=1, trace=0, ignoredirs=(sys.prefix, sys.base_prefix))
tracer.runfunc(run)
print(json.dumps([line for file, line in tracer.results().counts if file == {str(FILE)!r}]))
"""


def tables() -> dict[str, list[str]]:
    """Section -> the code in the last column of its table."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[2:]:
        rows = [re.split(r"(?<!\\)\|", line) for line in section.splitlines() if line.startswith("| ")]
        cells = [row[3].replace(r"\|", "|") for row in rows]
        found[section.splitlines()[0]] = [code for cell in cells for code in re.findall(r"`(.+?)`", cell)]
    return found


def lines(program: str) -> list[str]:
    """Each line without its indent and the comment at its end."""
    return [line.partition("  # ")[0].strip() for line in tour_page.source(program).splitlines()]


SECTIONS = tables()
TOUR = {line for program in tour_page.programs() for line in lines(program)}
"""Run by the tour's own tests."""


def test_there_is_a_table_for_each_framework() -> None:
    assert {name: len(codes) > 10 for name, codes in SECTIONS.items()} == dict.fromkeys(
        ("Erlang/OTP", "Akka", "asyncio", "pykka", "Trio"), True
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_each_line_of_code_in_a_table_is_a_line_of_a_program(section: str) -> None:
    assert sorted({*SECTIONS[section]} - TOUR - {*lines(FILE.stem)}) == []


def test_each_line_that_the_page_quotes_from_its_own_program_is_executed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tour_page.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    own = lines(FILE.stem)
    numbers: list[int] = json.loads(done.stdout.splitlines()[-1])
    executed = {own[number - 1] for number in numbers}
    quoted = {code for codes in SECTIONS.values() for code in codes}
    assert sorted(quoted.intersection(own) - executed - TOUR) == []
