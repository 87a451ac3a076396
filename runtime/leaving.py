"""What leaves a block: of a group, the one error that all others in it have come of, or that stands in it alone."""

from typing import cast

import trio

from actors.errors import ActorStopped, Stopping
from runtime.trace import NodeCrashed

BROUGHT_ABOUT = (ActorStopped, Stopping, trio.Cancelled)
"""What tasks hear of because the system ends under them."""


def ctrl_c_alone(group: BaseExceptionGroup[BaseException]) -> KeyboardInterrupt | None:
    """The Ctrl-C in a group, if there is nothing else but what it has brought about: else an error would be lost."""
    pressed, others = group.split(KeyboardInterrupt)
    if pressed is None or (others is not None and others.split(BROUGHT_ABOUT)[1] is not None):
        return None
    found: BaseException = pressed
    while isinstance(found, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", found).exceptions[0]
    return cast("KeyboardInterrupt", found)


def first_crash(group: BaseExceptionGroup[BaseException]) -> NodeCrashed | None:
    """The simulated crash in a group."""
    for error in group.exceptions:
        if isinstance(error, NodeCrashed):
            return error
        if isinstance(error, BaseExceptionGroup) and (
            found := first_crash(cast("BaseExceptionGroup[BaseException]", error))
        ):
            return found
    return None


def alone(error: BaseException) -> BaseException:
    """What groups of one hold, however many there are around it: an error with all their notes, or a group of several."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    if len(group.exceptions) != 1:
        return group
    found = alone(group.exceptions[0])
    if not hasattr(found, "exceptions"):  # several: they stay as they are
        for note in getattr(group, "__notes__", ()):
            found.add_note(note)
    return found
