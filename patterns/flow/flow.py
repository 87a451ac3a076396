"""Flows as they are written: `source(items).map(parse, at_once=4).batch(10, within=1.0).to(sink, at_once=1)`.

A Flow is a plan and does nothing until it is opened; each operator answers a new one. Every stage is an actor, and
what goes between two of them is bounded by the `window`: a slow consumer slows every stage up to the source.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, Never, TypeVar, overload

from actors.actor import Context
from patterns.flow.joints import Broadcasting, Merging, Partitioning
from patterns.flow.mapping import Mapping, MappingAtOnce, Sinking, SinkingAtOnce
from patterns.flow.messages import Report
from patterns.flow.opened import Opened
from patterns.flow.pacing import Batching, Dropping, Throttling
from patterns.flow.plan import FlowMisused, Node, Output, Plan
from patterns.flow.sources import Iterating, Pulling
from patterns.flow.stage import Stage, Wiring
from runtime.system import System

T = TypeVar("T")
U = TypeVar("U")
T_co = TypeVar("T_co", covariant=True)

WINDOW = 64
"""Items that each inlet of a stage holds at most."""
AT_ONCE_MAX = 500
"""Below an actor's own limit of pipes."""


def source(items: Iterable[T]) -> "Flow[T]":
    """The items of an iterable, taken as they are asked for. `next` must not block; a generator is closed when the flow is left.

    Raises FlowMisused.
    """
    _check_iterable(items)
    return Flow(Output(Node("source", lambda wiring: Iterating(wiring, items))))


def pulled(take: Callable[[int], Awaitable[Sequence[T]]]) -> "Flow[T]":
    """What `take(n)` answers, up to `n` items each time; an empty answer is the end.

    For a producer that is an actor, `pulled(lambda n: ref.ask(Take(count=n)))`: with nothing to give it defers the
    ask, and so keeps the demand. When the flow is left, `take` is cancelled, and the actor's asker is gone.
    Raises FlowMisused.
    """
    _check_callable("pulled", take)
    return Flow(Output(Node("pulled", lambda wiring: Pulling(wiring, take))))


class Flow(Generic[T_co]):
    """A plan for a stream of items. Functions that raise fail the flow; no stage is restarted.

    Operators raise FlowMisused for a plan that cannot be, when it is written.
    """

    __slots__ = ("_output",)

    def __init__(self, output: Output) -> None:
        self._output = output

    # --- operators -------------------------------------------------------------------------------------

    @overload
    def map(self, function: Callable[[T_co], Awaitable[U]], *, at_once: int) -> "Flow[U]": ...
    @overload
    def map(self, function: Callable[[T_co], U]) -> "Flow[U]": ...
    def map(self, function: Callable[[T_co], Any], *, at_once: int | None = None) -> "Flow[Any]":
        """What `function` makes of each item, in order. With `at_once` it is async, and so many run at a time."""
        _check_function("map", function, at_once)
        if at_once is None:
            return self._then("map", lambda wiring: Mapping(wiring, function))
        return self._then("map", lambda wiring: MappingAtOnce(wiring, function, at_once))

    @overload
    def to(self, sink: Callable[[T_co], Awaitable[object]], *, at_once: int) -> "Flow[Never]": ...
    @overload
    def to(self, sink: Callable[[T_co], object]) -> "Flow[Never]": ...
    def to(self, sink: Callable[[T_co], Any], *, at_once: int | None = None) -> "Flow[Never]":
        """Give each item to `sink`, and pass none on. With `at_once` it is async: an actor's `ask`, say."""
        _check_function("to", sink, at_once)
        if at_once is None:
            return self._then("sink", lambda wiring: Sinking(wiring, sink))
        return self._then("sink", lambda wiring: SinkingAtOnce(wiring, sink, at_once))

    def batch(self, count: int, *, within: float | None = None) -> "Flow[list[T_co]]":
        """Lists of `count` items; of fewer when the first has waited `within` seconds, and at the end."""
        if count < 1 or (within is not None and within <= 0):
            raise FlowMisused("batch: count is at least 1, and within more than 0 seconds")
        return self._then("batch", lambda wiring: Batching(wiring, count, within))

    def throttle(self, *, per_second: float) -> "Flow[T_co]":
        """At most so many items a second, evenly spaced; time without items is not made up for."""
        if per_second <= 0:
            raise FlowMisused("throttle: more than 0 per_second")
        return self._then("throttle", lambda wiring: Throttling(wiring, 1 / per_second))

    def drop_oldest(self, keep: int) -> "Flow[T_co]":
        """Never slow down what is upstream: keep the newest items, and count the rest as dropped."""
        if keep < 1:
            raise FlowMisused("drop_oldest: keep at least 1")
        return self._then("drop-oldest", lambda wiring: Dropping(wiring, keep))

    def merge(self, *others: "Flow[U]") -> "Flow[T_co | U]":
        """The items of all of them as they come; those of each stay in order."""
        flows: tuple[Flow[Any], ...] = (self, *others)
        return Flow(Output(Node("merge", Merging, tuple(flow.output for flow in flows))))

    def by_key(
        self, key: Callable[[T_co], object], *, lanes: int, through: "Callable[[Flow[T_co]], Flow[U]]"
    ) -> "Flow[U]":
        """Partition over `lanes` copies of a flow, which `through` makes, and merge what they give.

        Items of one key go through one lane, so that they keep their order if the lane does. The key is the text of
        what `key` answers.
        """
        _check_callable("by_key", key)
        if inspect.iscoroutinefunction(key):
            raise FlowMisused(f"by_key: {key!r} is async, and a key is found without a wait")
        if lanes < 1:
            raise FlowMisused("by_key: at least 1 lane")
        return self._split("by-key", lambda wiring: Partitioning(wiring, key), [through] * lanes)

    def broadcast(self, *branches: "Callable[[Flow[T_co]], Flow[U]]") -> "Flow[U]":
        """Every item through every branch, at the pace of the slowest, and merge what they give.

        A branch that ends with `to` gives nothing; one that begins with `drop_oldest` slows nobody.
        """
        if not branches:
            raise FlowMisused("broadcast: at least 1 branch")
        return self._split("broadcast", Broadcasting, branches)

    def _then(self, kind: str, build: Callable[[Wiring], Stage]) -> "Flow[Any]":
        return Flow(Output(Node(kind, build, (self._output,))))

    def _split(
        self,
        kind: str,
        build: Callable[[Wiring], Stage],
        branches: "Sequence[Callable[[Flow[T_co]], Flow[U]]]",
    ) -> "Flow[U]":
        node = Node(kind, build, (self._output,), outlets=len(branches))
        flows = [branch(Flow(Output(node, number))) for number, branch in enumerate(branches)]
        return flows[0].merge(*flows[1:])

    # --- at work ---------------------------------------------------------------------------------------

    @property
    def output(self) -> Output:
        """Where its items leave its plan."""
        return self._output

    def open(self, owner: System | Context, *, window: int = WINDOW) -> Opened[T_co]:
        """`async with flow.open(system) as items`, then `async for item in items`.

        Its stages live below the `owner`: a system, or a volatile actor's `ctx` for the time of one turn. They end
        with the block; then `items.report` says what was delivered, and what was not. Raises FlowMisused.
        """
        return Opened(Plan(self._output), owner, window)

    async def run(self, owner: System | Context, *, window: int = WINDOW) -> Report:
        """Open it and let it run to its end; what comes out of it is thrown away. Raises ExceptionGroup, FlowMisused."""
        async with self.open(owner, window=window) as items:
            async for _ in items:
                pass
        return items.report


def _check_iterable(items: object) -> None:
    if hasattr(items, "__aiter__"):
        raise FlowMisused("source: an asynchronous iterable; write pulled(take), which takes some at a time")
    if not (isinstance(items, Iterable) or hasattr(items, "__getitem__")):
        raise FlowMisused(f"source: an iterable is needed, not {items!r}")


def _check_callable(operator: str, function: object) -> None:
    if not callable(function):
        raise FlowMisused(f"{operator}: a function is needed, not {function!r}")


def _check_function(operator: str, function: Callable[..., Any], at_once: int | None) -> None:
    _check_callable(operator, function)
    if at_once is None and inspect.iscoroutinefunction(function):
        raise FlowMisused(f"{function!r} is async: say how many of it may run, with at_once=")
    if at_once is not None and not 1 <= at_once <= AT_ONCE_MAX:
        raise FlowMisused(f"at_once: 1 to {AT_ONCE_MAX}")
