"""The watchdog: names the handler that holds the loop without awaiting, and shows its stack while it does.

So it does with an actor's `__init__`, `started`, `stopping` and `stopped`, its pipes and its answers.

Nothing can stop such a turn, and nothing else runs until it ends. So a thread of its own looks at the stack of the
loop's thread some ten times a second. A turn pays nothing for it, not even a store: its handler is the frame that
the dispatcher has called, and one that is there from look to look, while the loop has not come round, holds it.
"""

import sys
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, Generic, TypeVar

import structlog
import trio

from runtime.cell import Cell
from runtime.observe.looks import kind_of

T = TypeVar("T")
log = structlog.get_logger("callboard.actors")

SLOW_TURN = 0.1
"""Seconds that a turn may hold the loop unless the system is told otherwise."""
LOOKS = 2
"""Looks at the stack in that time: a turn is named when it has held the loop for 1 to 1.5 times as long."""
TOLD_MAX = 64
"""Slow turns that are remembered, so that one that awaits and holds the loop again is not told of twice."""

DRIVERS = frozenset(
    {"runtime.dispatcher", "runtime.driving", "runtime.inline", "runtime.interleaving", "runtime.reentrance"}
)
"""What calls handlers."""
CALLERS = frozenset(
    {
        ("runtime.starting", "_build"),
        ("runtime.starting", "_started"),
        ("runtime.ending", "_clean_up"),
        ("runtime.context", "run"),
        ("runtime.answering", "_run"),
    }
)
"""What calls an actor's other code: its `__init__`, its first state's `enter`, its `stopped`, its pipes and answers."""
PASSING = frozenset({"runtime.driving", "runtime.context", "runtime.answering"})
"""What stands between such code and who knows its cell."""
BETWEEN = "outcome._impl"
"""Stands between driver and handler when a handler goes on after a wait."""


class Held(Generic[T]):
    """Since when each turn on the loop's stack holds it; turns are compared by identity."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._since: list[tuple[T, float]] = []

    def look(self, turns: Sequence[T], now: float, *, came_round: bool) -> tuple[T, float] | None:
        """The innermost turn that has held the loop for the limit, and for how long; each hold is told once.

        `turns` is what is on the stack, outermost first; `came_round`: other tasks have run since the last look.
        """
        kept = 0
        if not came_round:
            for turn, (before, _) in zip(turns, self._since, strict=False):
                if turn is not before:
                    break
                kept += 1
        self._since[kept:] = [(turn, now) for turn in turns[kept:]]
        for turn, since in reversed(self._since):
            if now - since >= self._limit:
                self._since = [(one, float("inf")) for one, _ in self._since]
                return turn, now - since
        return None


class Watchdog:
    """Watches the loop of whoever calls `start`; `counts` are slow turns by actor class."""

    def __init__(self, limit: float, now: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self._now = now
        self._pause = limit / LOOKS
        self._held: Held[FrameType] = Held(limit)
        self._told: deque[tuple[str, int, int, str]] = deque(maxlen=TOLD_MAX)
        self._asked = False
        """The loop has been asked whether it comes round."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="callboard-watchdog", daemon=True)

    def start(self) -> None:
        self._loop = threading.get_ident()
        self._token = trio.lowlevel.current_trio_token()
        self._thread.start()

    def close(self) -> None:
        """Returns when the thread has ended: it does so at once."""
        self._over.set()
        self._thread.join()

    # --- in the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            self._look()

    def _look(self) -> None:
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- documented, the only way
        top = frames.get(self._loop)
        frames.clear()  # this frame is in it: a cycle, which would keep what every frame holds until a full collection
        turns = [] if top is None else list(_handlers_on(top))[::-1]
        slow = self._held.look(turns, self._now(), came_round=not self._asked)
        if slow is not None and top is not None:
            self._tell(top, *slow)
        if turns and not self._asked:
            self._asked = True
            try:
                self._token.run_sync_soon(self._came_round)
            except trio.RunFinishedError:  # it ends with its run
                self._over.set()

    def _came_round(self) -> None:
        self._asked = False

    def _tell(self, top: FrameType, handler: FrameType, seconds: float) -> None:
        cell, message = _turn_of(handler)
        if cell is None:
            return
        turn = (cell.address, cell.incarnation, cell.handled, handler.f_code.co_qualname)
        if turn in self._told:
            return
        self._told.append(turn)
        self.counts[kind_of(cell)] += 1
        log.warning(
            "slow_turn",
            actor=cell.address,
            handler=handler.f_code.co_qualname,
            message=None if message is None else type(message).__name__,
            seconds=round(seconds, 3),
            stack=_stack(top, handler),
        )


def _handlers_on(top: FrameType) -> Iterator[FrameType]:
    """The handlers' own frames, the innermost first: an inline ask has its asker's below."""
    frame: FrameType | None = top
    while frame is not None:
        if not _module(frame).startswith("runtime.") and _module(frame) != BETWEEN:
            driver = _driver(frame)
            if driver is not None and _drives(driver):
                yield frame
        frame = frame.f_back


def _driver(handler: FrameType) -> FrameType | None:
    driver = handler.f_back
    while driver is not None and _module(driver) == BETWEEN:
        driver = driver.f_back
    return driver


def _drives(frame: FrameType) -> bool:
    module = _module(frame)
    return module in DRIVERS or (module, frame.f_code.co_name) in CALLERS


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _turn_of(handler: FrameType) -> tuple[Cell | None, Any]:
    """Whose turn it is, and its message, if it is one's: from the variables of whoever drives it."""
    driver = _driver(handler)
    while driver is not None and _module(driver) in {*PASSING, BETWEEN}:
        driver = driver.f_back
    variables: Mapping[str, Any] = {} if driver is None else driver.f_locals
    cell, envelope = variables.get("cell"), variables.get("envelope")
    if cell is None:  # a pipe's task
        cell = getattr(variables.get("ctx"), "cell", None)
    message = variables.get("message") if envelope is None else envelope.message
    return (cell if isinstance(cell, Cell) else None), message


def _stack(top: FrameType, handler: FrameType) -> str:
    """From the handler on, as in a traceback."""
    frames: list[tuple[FrameType, int]] = []
    for frame, line in traceback.walk_stack(top):
        frames.append((frame, line))
        if frame is handler:
            break
    return "".join(traceback.StackSummary.extract(iter(frames[::-1])).format())
