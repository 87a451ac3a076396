"""Stages that call a function for each item: in their turn, or several at once outside it; and sinks."""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from typing_extensions import override

from patterns.flow.stage import Stage, Wiring


class Mapping(Stage):
    """One item becomes another, at once."""

    def __init__(self, wiring: Wiring, function: Callable[[Any], Any]) -> None:
        super().__init__(wiring)
        self.function = function

    @override
    def work(self) -> None:
        inlet, outlet = self.inlets[0], self.outlets[0]
        while inlet.buffer and outlet.room:
            good, made = self.call(self._at_once, inlet.buffer[0])
            if not good:
                return
            inlet.take()
            outlet.put(made)

    def _at_once(self, item: Any) -> Any:
        made = self.function(item)
        if inspect.iscoroutine(made):
            made.close()
            raise TypeError(f"{self.function!r} is async: say how many of it may run, with at_once=")
        return made


class Sinking(Mapping):
    """Each item is given to a function, and goes no further."""

    @override
    def work(self) -> None:
        inlet = self.inlets[0]
        while inlet.buffer:
            good, _ = self.call(self._at_once, inlet.buffer[0])
            if not good:
                return
            inlet.take()
            self.delivered += 1


@dataclass(slots=True)
class Slot:
    """An item that is worked at; its result waits for those before it."""

    item: Any
    tag: int
    result: Any = None
    done: bool = False


class MappingAtOnce(Stage):
    """Up to `at_once` items are worked at outside the turns; what they become goes on in the items' order."""

    def __init__(self, wiring: Wiring, function: Callable[[Any], Awaitable[Any]], at_once: int) -> None:
        super().__init__(wiring)
        self._function = function
        self._at_once = at_once
        self._slots: deque[Slot] = deque()

    @override
    def work(self) -> None:
        self._pass_on()
        while self.inlets[0].buffer and self.busy < self._at_once and self._room() > len(self._slots):
            item = self.inlets[0].take()
            self._slots.append(Slot(item, self.begin(partial(self._function, item))))

    def _room(self) -> int:
        """How many results have a place to go."""
        return self.outlets[0].room

    def _pass_on(self) -> None:
        while self._slots and self._slots[0].done:
            self.outlets[0].put(self._slots.popleft().result)

    @override
    def worked(self, tag: int, result: Any) -> None:
        slot = next(slot for slot in self._slots if slot.tag == tag)
        slot.result, slot.done = result, True
        self.finished(slot)

    def finished(self, slot: Slot) -> None:
        """One item's work has succeeded, the flow left or not."""

    @override
    def held(self) -> list[Any]:
        return [slot.item for slot in self._slots]


class SinkingAtOnce(MappingAtOnce):
    """Up to `at_once` items are given to a function that may wait, and go no further."""

    @override
    def _room(self) -> int:
        return len(self._slots) + 1

    @override
    def finished(self, slot: Slot) -> None:
        self._slots.remove(slot)
        self.delivered += 1
