"""An error that is alone in its groups comes out of them."""

from functools import partial
from typing import NoReturn

import pytest

from runtime.testing.unwrapped import unwrapped


def fail(error: BaseException) -> NoReturn:
    raise error


def test_an_error_alone_in_its_groups_comes_out_as_it_was_with_the_notes_of_all() -> None:
    error = KeyError("alone")
    error.add_note("its own")
    inner = ExceptionGroup("inner", [error])
    inner.add_note("a group's")
    with pytest.raises(KeyError) as raised:
        unwrapped(partial(fail, BaseExceptionGroup("outer", [inner])))
    assert raised.value is error
    assert error.__notes__ == ["its own", "a group's"]
    assert error.__context__ is None


def test_errors_that_have_come_together_stay_together() -> None:
    group = ExceptionGroup("both", [KeyError("a"), ValueError("b")])
    with pytest.raises(ExceptionGroup) as raised:
        unwrapped(partial(fail, group))
    assert raised.value is group
