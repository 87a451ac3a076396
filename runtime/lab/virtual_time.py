"""Time for clients: what `time` and `datetime` are while a simulation runs, and what waits on `threading`'s conditions.

A client reads the run's clock, and its sleeps and waits pass in virtual time. Libraries read it too: that repeats.
A program's own code outside a client is refused: an actor has `ctx.now`, and a sleep would hold the loop.
"""

import datetime as dt
import inspect
import math
import sysconfig
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import trio
from typing_extensions import override

from runtime.clock import VirtualClock
from runtime.lab.greenlets import current
from runtime.lab.uncontrolled import Uncontrolled

BUSY_MAX = 100_000
"""Readings of the clock between two waits: a loop that waits for the time to pass would wait for ever."""

FRAMES = 3
"""From `check_caller` to who has called: what replaces a name, and what asks first in which thread it is."""
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
Patch = tuple[Any, str, Any]
"""Of whom, which name, what instead."""


def check_caller(what: str) -> None:
    """Raises Uncontrolled unless a client, or a library, has called what stands in the place of `what`."""
    client = current()
    if client is not None:
        client.busy += 1
        if client.busy > BUSY_MAX:
            raise Uncontrolled(f"a loop around {what}: time passes in sleeps and in waits alone")
        return
    asked = inspect.currentframe()
    for _ in range(FRAMES):
        asked = asked and asked.f_back
    if asked is not None and not asked.f_code.co_filename.startswith(_LIBRARIES):
        raise Uncontrolled(f"{what} outside a client: an actor has ctx.now and ctx.entropy")


def time_patches(clock: VirtualClock) -> Iterator[Patch]:
    """What stands in `time`'s place."""
    for name, read in {
        "time": clock.wall,
        "monotonic": clock.current_time,
        "perf_counter": clock.current_time,
    }.items():
        yield time, name, _reading(f"time.{name}", read)
        yield time, f"{name}_ns", _reading(f"time.{name}_ns", _nanoseconds(read))
    for name in ("gmtime", "localtime"):
        yield time, name, _calendar(getattr(time, name), clock)
    yield time, "sleep", sleep


def _reading(what: str, read: Callable[[], Any]) -> Callable[[], Any]:
    def reading() -> Any:
        check_caller(what)
        return read()

    return reading


def _nanoseconds(read: Callable[[], float]) -> Callable[[], int]:
    return lambda: round(read() * 1e9)


def _calendar(real: Callable[[float], Any], clock: VirtualClock) -> Callable[..., Any]:
    def broken_down(seconds: float | None = None) -> Any:
        return real(clock.wall() if seconds is None else seconds)

    return broken_down


def sleep(seconds: float) -> None:
    """`time.sleep` in a client."""
    client = current()
    if client is None:
        raise Uncontrolled("time.sleep outside a client: a handler that waits awaits")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    client.effect("sleep", f"{seconds:.6f}")
    client.wait(trio.sleep, seconds)


class _Waiter:
    """Stands where a condition keeps a lock for each who waits: `notify` releases it."""

    def __init__(self) -> None:
        self._released = trio.Event()

    def release(self) -> None:
        self._released.set()

    async def released(self, seconds: float | None) -> bool:
        with trio.move_on_after(math.inf if seconds is None else max(seconds, 0)):
            await self._released.wait()
        return self._released.is_set()


def condition_wait(condition: Any, timeout: float | None = None) -> bool:
    """`threading.Condition.wait`, on which events, queues and semaphores wait too."""
    client = current()
    if client is None:
        raise Uncontrolled("a wait on another thread, outside a client")
    client.effect("wait", "" if timeout is None else f"{timeout:.6f}")
    waiter = _Waiter()
    condition._waiters.append(waiter)  # noqa: SLF001 -- as threading.Condition itself does
    saved = condition._release_save()  # noqa: SLF001
    try:
        notified = client.wait(waiter.released, timeout)
    finally:
        condition._acquire_restore(saved)  # noqa: SLF001
        if waiter in condition._waiters:  # noqa: SLF001
            condition._waiters.remove(waiter)  # noqa: SLF001
    return notified


# --- datetime ---------------------------------------------------------------------------------------------


class _Alike(type):
    """Of a class that stands for another: whatever is one of those is one of these."""

    stands_for: type

    @override
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.stands_for)

    @override
    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.stands_for)


def datetime_module(clock: VirtualClock) -> ModuleType:
    """`datetime` with the run's now and today; what they give are the real classes' own objects."""

    class Date(dt.date, metaclass=_Alike):
        stands_for = dt.date

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return dt.date(*args, **kwargs)

        @classmethod
        @override
        def today(cls) -> Any:
            return dt.date.fromtimestamp(clock.wall())  # noqa: DTZ012 -- as date.today

    class DateTime(dt.datetime, metaclass=_Alike):
        stands_for = dt.datetime

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return dt.datetime(*args, **kwargs)  # noqa: DTZ001 -- what was asked for

        @classmethod
        @override
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return dt.datetime.fromtimestamp(clock.wall(), tz)

        @classmethod
        @override
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        @override
        def utcnow(cls) -> Any:
            return cls.now(dt.UTC).replace(tzinfo=None)

    module = ModuleType("datetime")
    vars(module).update({**vars(dt), "date": Date, "datetime": DateTime})
    return module
