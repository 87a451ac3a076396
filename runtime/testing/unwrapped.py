"""What a test has failed by: Trio's groups around a single error tell a reader nothing."""

from collections.abc import Callable
from typing import cast


def unwrapped(run: Callable[[], object]) -> None:
    """Run it. An error that is alone in its groups, however many, comes out without them, with all their notes.

    No context manager: within its `__exit__` the group would become the error's context, and be shown again.
    """
    found: BaseException | None = None
    try:
        run()
    except BaseExceptionGroup as group:
        found = _alone(group)
        if found is None:
            raise
    if found is not None:
        raise found


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    if len(group.exceptions) != 1:
        return None
    only = group.exceptions[0]
    found = (
        only
        if not isinstance(only, BaseExceptionGroup)
        else _alone(cast("BaseExceptionGroup[BaseException]", only))
    )
    if found is not None:
        for note in getattr(group, "__notes__", ()):
            found.add_note(note)
    return found
