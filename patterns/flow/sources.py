"""Where a flow's items come from: each is taken only when downstream has asked for it."""

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, cast

from typing_extensions import override

from patterns.flow.stage import Cut, Stage, Wiring


class Iterating(Stage):
    """The items of an iterable. A generator is closed when its flow is left."""

    def __init__(self, wiring: Wiring, items: Iterable[Any]) -> None:
        super().__init__(wiring)
        self._iterable = items
        self._iterator: Iterator[Any] | None = None
        self._over = False

    @override
    def work(self) -> None:
        outlet = self.outlets[0]
        while outlet.room and not self._over and not self.still:
            good, item = self.call(self._one)
            if good and item is not Cut:
                self.drawn += 1
                outlet.put(item)

    def _one(self) -> Any:
        if self._iterator is None:
            self._iterator = iter(self._iterable)
        item = next(self._iterator, Cut)
        self._over = item is Cut
        return item

    @property
    @override
    def dry(self) -> bool:
        return self._over

    @override
    def leave(self, seen: int) -> None:
        iterator: object = self._iterator
        if isinstance(iterator, Generator):
            self.call(cast("Generator[Any]", iterator).close)


class Pulling(Stage):
    """What an async function answers when it is asked for up to so many items; nothing is the end."""

    def __init__(self, wiring: Wiring, take: Callable[[int], Awaitable[Sequence[Any]]]) -> None:
        super().__init__(wiring)
        self._take = take
        self._asked = 0
        self._late: list[Any] = []
        self._over = False

    @override
    def work(self) -> None:
        room = self.outlets[0].room
        if room and not self.busy and not self._over:
            self._asked = room
            self.begin(lambda: self._take(room))

    @override
    def worked(self, tag: int, result: Any) -> None:
        items: Sequence[Any] = result
        self.drawn += len(items)
        if self.still:  # the flow was left meanwhile
            self._late += items
        elif len(items) > self._asked:
            self._late += items
            self.fail(ValueError(f"{len(items)} items came where {self._asked} were asked for"))
        else:
            self._over = not items
            for item in items:
                self.outlets[0].put(item)

    @override
    def held(self) -> list[Any]:
        return self._late

    @property
    @override
    def dry(self) -> bool:
        return self._over
