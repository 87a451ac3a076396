"""What a batch must be before it joins a commit: its fence, its sizes, its logs' ends. The same for every backend.

Checked before anything is written, so that one actor's lost fence or bad row never fails another's batch.
"""

import math
from collections.abc import Callable

from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store.port import KEY_MAX, VALUE_MAX, BadWrite, Batch, FenceLost


def fault_of(batch: Batch, version: int, end_of: Callable[[str], int]) -> FenceLost | BadWrite | None:
    """Why the batch is refused; None: it may be written. `version` and `end_of(log)` are what is on the disk."""
    if batch.expected != version:
        return FenceLost(f"{batch.actor} is at version {version}, the writer expected {batch.expected}")
    ends: dict[str, int] = {}
    for write in batch.writes:
        wrong = _bad_alone(write)
        if wrong is None and isinstance(write, Append):
            end = ends.get(write.log)
            end = end_of(write.log) if end is None else end
            ends[write.log] = end + 1
            if write.offset != end:
                wrong = f"log {write.log!r} ends at offset {end}, the record has {write.offset}"
        if wrong is not None:
            return BadWrite(f"{batch.actor}: {wrong}")
    return None


def check_write(write: Write) -> None:
    """Refuse what no store can keep, before anything has changed. Raises ValueError naming the limit."""
    wrong = _bad_alone(write)
    if wrong is not None:
        raise ValueError(wrong)


def _bad_alone(write: Write) -> str | None:
    match write:
        case Put(name, value) | Append(name, _, value):
            if value.__class__ is not bytes:  # a store that takes none would fail all that share its commit
                return f"a value is bytes, that of {name!r} is a {type(value).__name__}"
            if len(value) > VALUE_MAX:
                return f"a value has at most {VALUE_MAX} bytes, that of {name[:80]!r} has {len(value)}"
            return _bad_name(name)
        case Delete(name) | DeletePrefix(name) | Trim(name, _):
            return _bad_name(name)
        case WakeAt(time):
            finite = time is None or math.isfinite(time)
            return None if finite else f"WakeAt takes a finite time or None, not {time}"


def _bad_name(name: str) -> str | None:
    if name.isascii() and len(name) <= KEY_MAX:
        return None
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return f"a key is Unicode text without lone surrogates, not {name[:80]!r}"
    return f"a key has at most {KEY_MAX} bytes, {name[:80]!r} has {size}" if size > KEY_MAX else None
