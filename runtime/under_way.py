"""What an orderly stop waits for beside turns and commits: pipes, and mail of actors that are not up yet."""

import trio

from runtime.cell import Cell


class UnderWay:
    """Kept by the supervisors of one system, so that nobody has to search a million actors for it."""

    __slots__ = ("_changed", "coming", "pipes")

    def __init__(self) -> None:
        self.pipes = 0
        self.coming: dict[Cell, None] = {}
        """Actors that start, or wait for their restart."""
        self._changed: trio.Event | None = None
        """Set at the next change; made by who waits for it."""

    @property
    def nothing(self) -> bool:
        return self.pipes == 0 and not any(cell.mailbox for cell in self.coming)

    def came(self, cell: Cell) -> None:
        """It is up, or gone."""
        self.coming.pop(cell, None)
        self.notice()

    def pipe_ended(self) -> None:
        self.pipes -= 1
        self.notice()

    def notice(self) -> None:
        """Something may have changed."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def changed(self) -> None:
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()
