"""Passivation: an actor that was activated by its address goes when nobody has written to it for a while, or others need its place.

A second chance instead of a time stamp for each turn: a turn marks its cell, a look clears the mark, and a cell
found unmarked goes. So it goes after one to two times `idle_after`, and a turn pays one store.

Above `active_limit` those that would be looked at next are looked at now, until enough have gone: the CLOCK algorithm,
which is near enough to the least recently used.
"""

from collections import deque
from collections.abc import Callable

from actors.actor import StopReason
from actors.errors import BadSpec
from runtime.cell import Cell
from runtime.timers import Timer, Timers

ACTIVE_LIMIT = 100_000
"""Actors activated by their address that live at once, unless told otherwise; Akka's default too."""

SHARE = 1 / 16
"""Of `idle_after`: actors activated so close to each other are looked at together, which saves 80 bytes for each."""

SWEEP_FROM = 1_000
"""Ended cells that may wait for the next look."""

HELD_LOOKS = 32
"""Looks at cells that may not go which an activation above the limit pays for: about 5 us, however many such cells there are."""

LOOKS_AT_ONCE = 1_000
"""Looks, about 0.3 ms, after which other tasks run."""

Line = deque[tuple[float, deque[Cell]]]
"""Groups of cells, each with the time of its next look."""


class Passivation:
    """The activated cells, in the order in which they are looked at; one line of groups for each `idle_after`.

    Those that never go are no part of it. Whoever may not go now stays, whatever the limit.
    """

    def __init__(
        self, timers: Timers, now: Callable[[], float], passivate: Callable[[Cell], None], active_limit: int
    ) -> None:
        """Raises BadSpec."""
        if type(active_limit) is not int or active_limit < 1:
            raise BadSpec(f"active_limit is a whole number of at least 1, not {active_limit!r}")
        self._timers = timers
        self._now = now
        self._passivate = passivate
        self._limit = active_limit
        self._lines: dict[float, Line] = {}
        self._armed: set[float] = set()
        """Lines that have a timer set."""
        self._active = 0
        """Watched and not forgotten."""
        self._held = 0
        """In the lines: the active ones, and those that have ended since they were looked at last."""
        self._going: set[Cell] = set()
        """Those that take their time to end: their place is given away already."""
        self._making_room = False
        self._held_looks = 0
        """Looks at cells that may not go which activations above the limit have paid for."""

    def watch(self, cell: Cell) -> None:
        """It begins to live."""
        if cell.spec.idle_after is None:
            return
        self._active += 1
        self._join(cell)
        if self._above_limit():
            self._held_looks += HELD_LOOKS
            self._make_room_soon()

    def forget(self, cell: Cell) -> None:
        """It has ended. Those that have are let go when they are half of all: names by the thousand may come and go."""
        if cell.spec.idle_after is None:
            return
        self._active -= 1
        self._going.discard(cell)
        ended = self._held - self._active
        if ended < SWEEP_FROM or ended < self._active:
            return
        self._held = 0
        for line in self._lines.values():
            alive = [(at, deque(one for one in cells if not one.ended)) for at, cells in line]
            line.clear()
            line.extend(group for group in alive if group[1])
            self._held += sum(len(cells) for _, cells in line)

    # --- when it is time -------------------------------------------------------------------------------

    def _join(self, cell: Cell) -> None:
        """It is looked at in `idle_after` from now, or a little earlier."""
        idle_after = cell.spec.idle_after
        assert idle_after is not None
        line = self._lines.get(idle_after)
        if line is None:
            line = self._lines[idle_after] = deque()
        self._held += 1
        now = self._now()
        if line and now <= line[-1][0] - idle_after * (1 - SHARE):
            line[-1][1].append(cell)
            return
        line.append((now + idle_after, deque((cell,))))
        self._look_later(idle_after)

    def _look_later(self, idle_after: float) -> None:
        line = self._lines[idle_after]
        if line and idle_after not in self._armed:
            self._armed.add(idle_after)
            self._timers.at(line[0][0], lambda _: self._look(idle_after))

    def _look(self, idle_after: float) -> None:
        self._armed.discard(idle_after)
        line = self._lines[idle_after]
        now = self._now()
        looks = LOOKS_AT_ONCE
        while looks and line and line[0][0] <= now:
            group = line[0][1]
            cells = [group.popleft() for _ in range(min(looks, len(group)))]
            if not group:
                line.popleft()
            looks -= len(cells)
            self._held -= len(cells)
            for cell in cells:
                if self._stays(cell):
                    self._join(cell)
        if line:
            self._look_later(idle_after)
        else:
            del self._lines[idle_after]

    def _stays(self, cell: Cell) -> bool:
        if not cell.ended and not cell.touched:
            self._passivate(cell)
            if cell.end_reason is StopReason.IDLE and not cell.ended:
                self._going.add(cell)
        cell.touched = False
        return not cell.ended

    # --- when there are too many -----------------------------------------------------------------------

    def _above_limit(self) -> bool:
        return self._active - len(self._going) > self._limit

    def _make_room_soon(self) -> None:
        # not in an activation: the cell that it is for may be in the midst of anything, and so may every other one
        if not self._making_room:
            self._making_room = True
            self._timers.after(0.0, self._make_room)

    def _make_room(self, _timer: Timer) -> None:
        """Those that were looked at longest ago are looked at, until enough have gone.

        A look at who was touched is paid for by the turn that has touched it, one that removes a cell by its
        activation; only those at cells that may not go have to be counted.
        """
        self._making_room = False
        for _look in range(LOOKS_AT_ONCE):
            if not self._above_limit() or self._held_looks <= 0:
                self._held_looks = 0
                return
            cell = self._longest_ago()
            touched = cell.touched = cell.touched and cell.handled > 1  # its first turn is why it stands here
            if self._stays(cell):
                self._held_looks -= not touched
                self._join(cell)
        self._make_room_soon()

    def _longest_ago(self) -> Cell:
        """The next of the line whose first group was looked at before those of the others."""
        _, line = min(
            (line[0][0] - idle_after, idle_after) for idle_after, line in self._lines.items() if line
        )
        groups = self._lines[line]
        cells = groups[0][1]
        cell = cells.popleft()
        self._held -= 1
        if not cells:
            groups.popleft()
        return cell
