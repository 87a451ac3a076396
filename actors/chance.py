"""What an actor has of chance: draws that are the same again under the same seed."""

from typing import Protocol


class Chance(Protocol):
    """Draws from the system's entropy: the same seed gives the same draws."""

    def uuid(self) -> str:
        """A version 4 UUID as text."""
        ...

    def token(self) -> str:
        """32 hexadecimal digits that nobody can guess."""
        ...

    def fraction(self) -> float:
        """At least 0, less than 1."""
        ...

    def below(self, end: int) -> int:
        """A whole number of 0 to `end` - 1."""
        ...
