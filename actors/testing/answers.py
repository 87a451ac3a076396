"""What ends a wait of a hand-driven turn: what the test gives, or what the harness has stored."""

from collections.abc import Sequence
from typing import Any

from actors.address import Address
from actors.durable import Write
from actors.testing.effects import HarnessMisused, Read, Records, Wait
from actors.testing.table import Table


def given(wait: Wait, values: Sequence[Any]) -> Any:
    """What the test gives, checked. Raises HarnessMisused."""
    if isinstance(wait, Records):
        return list(values)
    if isinstance(wait, Read):
        if len(values) != len(wait.keys):
            raise HarnessMisused(f"{wait!r} is resumed by {len(wait.keys)} values, not {len(values)}")
        return list(values)
    if len(values) != 1:
        raise HarnessMisused(f"{wait!r} is resumed by one reply, not {len(values)}")
    return values[0]


def kept(wait: Wait, address: Address, stored: Table, uncommitted: Sequence[Write]) -> Any:
    """What the store answers; of reads, the actor's own staged rows first. Raises HarnessMisused."""
    if isinstance(wait, Read):
        table = stored.copy()
        table.commit(uncommitted)
        return [table.rows.get(key) for key in wait.keys]
    if isinstance(wait, Records) and wait.address == address:
        return stored.records_now(wait.log, wait.first, wait.limit)
    raise HarnessMisused(f"no store answers {wait!r}: resume it by a value of your own")
