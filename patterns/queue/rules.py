"""Where Callboard may be told to be as slow as AWS: both 60-second rules are off, since test suites create at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The waits of the real service; each on its own."""

    recreate: bool = False
    """A deleted queue's name is not free for 60 seconds."""
    purge: bool = False
    """A purge waits 60 seconds for the one before."""
