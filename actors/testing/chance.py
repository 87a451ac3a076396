"""Chance for a harness: draws from a seed, the same in every process and version of Python.

Only `runtime/entropy.py` may draw real chance. This is splitmix64 (Steele, Lea and Flood, OOPSLA 2014): ten lines,
and no test needs better.
"""

_MASK = (1 << 64) - 1


class Draws:
    """A stream of draws. The same seed gives the same draws; `seed` may be changed to begin anew."""

    __slots__ = ("seed",)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _bits(self) -> int:
        self.seed = (self.seed + 0x9E3779B97F4A7C15) & _MASK
        mixed = (self.seed ^ self.seed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return mixed ^ mixed >> 31

    def token(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._bits():016x}{self._bits():016x}"

    def uuid(self) -> str:
        """A version 4 UUID as text."""
        text = self.token()
        return (
            f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"
        )

    def fraction(self) -> float:
        """At least 0, less than 1."""
        return (self._bits() >> 11) / (1 << 53)

    def below(self, end: int) -> int:
        """A whole number of 0 to `end` - 1."""
        return self._bits() % end
