"""What a test has failed by: Trio's groups around a single error tell a reader nothing."""

from collections.abc import Callable

from runtime.leaving import alone


def unwrapped(run: Callable[[], object]) -> None:
    """Run it. An error that is alone in its groups, however many, comes out without them, with all their notes.

    No context manager: within its `__exit__` the group would become the error's context, and be shown again.
    """
    found: BaseException | None = None
    try:
        run()
    except BaseExceptionGroup as group:
        found = alone(group)
        if isinstance(found, BaseExceptionGroup):
            raise
    if found is not None:
        raise found
