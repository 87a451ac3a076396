"""What a run cannot have: time, chance or a world of its own, which no seed would repeat."""

import traceback

STACK_SHOWN = 8
"""Frames of the stack that an error shows: the innermost ones."""

refused: list["Uncontrolled"] = []
"""Of the run that is under way, oldest first: it fails though a client's bare `except` has swallowed one."""


class Uncontrolled(BaseException):
    """Something that the simulation does not hold in its hand. `what` it is, `stack` who asked for it.

    No Exception: a client that retries on each of those would hide it, and another run of the same seed would differ.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        frames = traceback.format_stack()[:-2]
        self.stack = "".join(frames)
        refused.append(self)
        super().__init__(f"{what}\n{''.join(frames[-STACK_SHOWN:])}")
