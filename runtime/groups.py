"""Groups: who has joined a name, to be told something together. A group without members does not exist.

A membership is the incarnation's: it ends with it, and `started` joins anew.
"""

from typing import Any

from actors.address import Address
from actors.message import Message
from actors.ref import Post, Ref
from runtime.cell import Cell


class Groups:
    """Names and their members, in the order in which they joined."""

    __slots__ = ("_carrier", "_members")

    def __init__(self, carrier: Post) -> None:
        self._carrier = carrier
        self._members: dict[str, dict[Cell, None]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def members(self, group: str) -> list[Ref[Any]]:
        """Who is in it now."""
        return [Ref(address, self._carrier) for address in self.addresses(group)]

    def addresses(self, group: str) -> list[Address]:
        return [cell.address for cell in self._members.get(group, ())]

    async def publish(self, group: str, message: Message[Any]) -> None:
        """Tell all who are members now; it waits for room where a member's mailbox has none.

        Inside a turn each tell is an output. One that has gone meanwhile makes a dead letter.
        """
        for address in self.addresses(group):
            await self._carrier.tell(address, message)

    def join(self, group: str, cell: Cell) -> None:
        self._members.setdefault(group, {})[cell] = None

    def leave(self, group: str, cell: Cell) -> None:
        members = self._members.get(group)
        if members is not None:
            members.pop(cell, None)
            if not members:
                del self._members[group]

    def holds(self, cell: Cell) -> bool:
        return any(cell in members for members in self._members.values())

    def left(self, cell: Cell) -> None:
        """Its incarnation is over."""
        for group in [group for group, members in self._members.items() if cell in members]:
            self.leave(group, cell)
