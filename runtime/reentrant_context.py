"""The context of an actor that has a reentrant handler: each effect goes with the turn whose task has made it.

A turn and the one within its pause have one context. The steps of the inner one's coroutine run with its outputs in
place of the other's, but the tasks of its nurseries are stepped by Trio, between those: they carry OWN. Actors without
such a handler have the plain context, and pay nothing.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from typing_extensions import override

from actors.address import Address
from actors.errors import WrongTask
from runtime.context import TurnContext
from runtime.outputs import Output
from runtime.reentrance import OWN


class ReentrantContext(TurnContext):
    """Of an actor that lets its chain in: each effect goes with the turn whose task has made it."""

    __slots__ = ()

    @override
    def send(self, to: Address, message: Any) -> None:
        with self._own():
            super().send(to, message)

    @override
    def output(self, output: Output) -> None:
        with self._own():
            super().output(output)

    @property
    @override
    def changed(self) -> bool:
        with self._own():
            return super().changed

    def _own(self) -> AbstractContextManager[None]:
        """Raises WrongTask in a task that the inner turn has left behind in somebody else's nursery."""
        own = OWN.get()
        if own is None or own.in_place or not own.of(self):
            return nullcontext()
        if own.over:
            raise WrongTask(f"{self.cell.address}: the turn that this task was started in is over")
        return own
