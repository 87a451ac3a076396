"""The only place that draws chance: ids, tokens, jitter, choices.

One stream for each purpose, so that one more draw here does not shift all others: the lab's replays need that.
A stream without a seed is seeded by the operating system; what must not be guessed (`token`) then comes from it directly.
"""

import random
import secrets
from hashlib import blake2b


class Entropy:
    """A stream of draws. The same seed gives the same draws, in any process."""

    __slots__ = ("_random", "_seed")

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 -- ids and jitter; what must not be guessed is drawn by `token`

    def stream(self, purpose: str) -> "Entropy":
        """An independent stream, named after what it is for."""
        if self._seed is None:
            return Entropy()
        digest = blake2b(f"{self._seed}/{purpose}".encode(), digest_size=8).digest()
        return Entropy(int.from_bytes(digest, "big"))

    def uuid(self) -> str:
        """A version 4 UUID as text (RFC 9562, section 5.4)."""
        bits = self._random.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
        text = "%032x" % bits  # noqa: UP031 -- half the time of an f-string's format, and two are drawn for each send
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def token(self) -> str:
        """32 hexadecimal digits that nobody can guess."""
        if self._seed is None:
            return secrets.token_hex(16)
        return f"{self._random.getrandbits(128):032x}"

    def fraction(self) -> float:
        """At least 0, less than 1."""
        return self._random.random()

    def below(self, end: int) -> int:
        """A whole number of 0 to `end` - 1."""
        return self._random.randrange(end)
