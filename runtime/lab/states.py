"""What all actors are like at a moment, as a hash that is the same in every process.

Of an actor: its status, how much mail it has, and of its own fields what is plain data. Anything else is its type's
name alone: an address in memory would make each run a new state.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import cast

from runtime.cell import Cell
from runtime.router import Router


def state_of(router: Router) -> str:
    """Of all actors that this router knows."""
    lines = [f"{address} {_like(cell)}" for address, cell in sorted(router.cells.items())]
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _like(cell: Cell) -> str:
    fields = {} if cell.actor is None else vars(cell.actor)
    return f"{cell.status.name} {len(cell.mailbox or ())} {_plain(fields)}"


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return "{" + ",".join(f"{_plain(key)}:{_plain(one)}" for key, one in pairs) + "}"
    if isinstance(value, AbstractSet):
        return "{" + ",".join(sorted(map(_plain, cast("AbstractSet[object]", value)))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_plain, cast("Sequence[object]", value))) + "]"
    return type(value).__name__
