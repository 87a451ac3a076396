"""Exact refs: which incarnation is meant, and the way of what is said to it.

A number is given to an incarnation when somebody first asks for an exact ref to it, and never again: who has none costs
nothing. A message for it has a ticket, so that it is void when its successor is the one that takes it.
"""

from actors.address import Address, Exact
from runtime.envelope import Envelope, Only
from runtime.letters import DeadLetters


class Pins:
    """The incarnations that exact refs have been made to, while they live."""

    __slots__ = ("_count", "_of")

    def __init__(self) -> None:
        self._of: dict[Address, Exact] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._of)

    def pin(self, address: Address) -> Exact:
        """Who lives there now, or is about to; the same for the same incarnation."""
        exact = self._of.get(address)
        if exact is None:
            self._count += 1
            exact = self._of[address] = Exact(address, self._count)
        return exact

    def lives(self, exact: Exact) -> bool:
        return self._of.get(exact.address) == exact

    def over(self, address: Address) -> None:
        """The incarnation there is over."""
        self._of.pop(address, None)

    def mark(self, envelope: Envelope, to: Exact, letters: DeadLetters) -> None:
        """It is for that incarnation alone."""
        envelope.timer = Only(
            envelope, lambda: self.lives(to), lambda stale: letters.add(to.address, stale, "stale")
        )
