"""The tour: its page shows the programs as they are, and they print what it says."""

from pathlib import Path

import pytest

from tests.house import tour_page

PROGRAMS = tour_page.programs()
REWRITE = "python -m tests.house.tour_page writes the page anew"


def test_the_page_has_each_program_of_the_folder_once() -> None:
    assert len(PROGRAMS) == 10
    assert {*PROGRAMS, "coming_from"} == {path.stem for path in tour_page.TOUR.glob("*.py")}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_page_shows_the_program_as_its_file_has_it(program: str) -> None:
    assert tour_page.shown(program)[0] == tour_page.source(program), REWRITE


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_what_the_page_says(program: str, tmp_path: Path) -> None:
    assert tour_page.output(program, tmp_path) == tour_page.shown(program)[1], REWRITE


@pytest.mark.slow
def test_run_once_more_the_durable_program_goes_on_from_what_it_has_kept(tmp_path: Path) -> None:
    balances = [int(tour_page.output("durable", tmp_path).rsplit(maxsplit=1)[1]) for _ in range(2)]
    assert balances == [142, 284]
