"""What an actor waits for between its turns, in its own words: the runtime sees who asks whom, and no more.

class Printer(Actor[Print], Awaiting):
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        return [(TRAY, "paper")] if self.pages else ()
"""

from collections.abc import Sequence

from actors.address import Address


class Awaiting:
    """To derive from besides Actor: `callboard why` and `callboard stuck` tell what it says, and go on at those it names."""

    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        """What it waits for and of whom: `(printer, "paper")`; None: of no actor.

        Asked at any time, in the midst of a turn too: it only looks at what it has, and uses no context.
        """
        return ()
