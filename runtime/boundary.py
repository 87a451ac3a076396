"""The actor's boundary: the one place that catches whatever user code raises.

It stands outside the turn's CancelScope: inside, a cleanup that raises while it is cancelled would pass as a
group of Cancelled and its own error, and take the siblings along. Where the cancellation comes from farther out,
such a group is taken apart: the error stays here, the Cancelled goes on.
"""

from types import TracebackType
from typing import Self, cast


class Boundary:
    """`with Boundary() as boundary: ...`, then look at `boundary.error`. Cancelled and KeyboardInterrupt pass."""

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            mine, rest = group.split(Exception)
            if isinstance(mine, Exception) and rest is not None:
                self.error = mine
                raise rest
        return False
