"""The lab: the same system under a virtual clock, a seeded schedule and a disk that can be crashed.

What product code says about itself stands here: `from runtime import lab`, then `lab.always(...)` and its like.
"""

from runtime.lab.properties import (
    always,
    always_less,
    eventually,
    never,
    reachable,
    sometimes,
    unreachable,
)

__all__ = ["always", "always_less", "eventually", "never", "reachable", "sometimes", "unreachable"]
