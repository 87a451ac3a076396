"""Whether this release reads what a stopped node has kept, before it is started on it: each actor is read back, and dropped.

An actor is built as its pattern builds it, and read back as at a start, by its own `recover`. Its `started` does not run, and nothing is written, sent or timed: so the check can be made again, and by the older
release too. It shows that the rows are read, not that they mean the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from actors.actor import Actor, Context, Spec, need_spec
from actors.address import Address
from actors.chance import Chance
from actors.durable import DurableActor, DurableContext
from actors.message import Message
from runtime.boundary import Boundary
from runtime.entropy import Entropy
from runtime.pattern import Factory, Pattern
from runtime.starting import StoredOf
from runtime.store.port import Store

CAUSE_MAX = 300
"""Characters of an error that are shown."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An actor that cannot be read back, and why."""

    actor: Address
    error: str


@dataclass(slots=True)
class Report:
    """`read`: how many actors can be read back."""

    read: int = 0
    unread: list[Unread] = field(default_factory=list[Unread])


async def check_store(store: Store, patterns: Sequence[Pattern]) -> Report:
    """Of all actors of which `store` keeps something, in the order of their addresses.

    Named as unread too: an actor of no pattern here, such as a child, which its parent alone knows how to build.
    """
    factories = {prefix: factory for pattern in patterns for prefix, factory in pattern.factories.items()}
    now, report = await store.latest(), Report()
    page = await store.actors()
    while page:
        for address in page:
            with Boundary() as boundary:
                await _read_back(store, factories, address, now)
            if boundary.error is None:
                report.read += 1
            else:
                report.unread.append(Unread(address, _text(boundary.error)))
        page = await store.actors(after=page[-1])
    return report


class NobodyReads(Exception):
    """There are rows, and no durable actor here that they would be read back into."""


async def _read_back(store: Store, factories: Mapping[str, Factory], address: Address, now: float) -> None:
    factory = factories.get(address.split("/", 2)[1])
    spec: Spec[Any] | None = None if factory is None else factory(address)
    if spec is None:
        raise NobodyReads(
            "no installed pattern has an actor of this address; patterns are found by the entry points `callboard.patterns`"
        )
    need_spec(spec)
    actor: Actor[Any] = spec.actor(*spec.args)
    if not isinstance(actor, DurableActor):
        raise NobodyReads(f"{type(actor).__name__} is not durable: what is kept is not read")
    actor.bind(cast("Context", ReadingContext(store, address, now, actor)))
    await actor.recover(StoredOf(store, address))


class NotWhileRead(Exception):
    """An actor that is read back has no effects: `load`, `apply` and `recover` read, and `started` may do the rest."""


class ReadingContext:
    """What an actor may use while it is read back: reads go to the store, and a timer comes to nothing."""

    def __init__(self, store: Store, address: Address, now: float, actor: Actor[Any]) -> None:
        self.address = address
        self.now = self.wall = now
        self.entropy: Chance = Entropy(0)
        self.state = actor.initial
        self.changed = False
        self.deferred: Mapping[str, Any] = {}
        self._store = store

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._store.get(self.address, keys)

    async def records(
        self, address: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        return await self._store.records(address, log, first, limit)

    def timer(self, key: str, after: float, message: Message[Any], **periodic: Any) -> None:
        """An actor sets its timers by what it reads."""

    def cancel(self, key: str) -> None:
        """As `timer`."""

    def __getattr__(self, name: str) -> Any:
        """Raises NotWhileRead."""
        if not hasattr(Context, name) and not hasattr(DurableContext, name):
            raise AttributeError(name)
        raise NotWhileRead(f"{self.address}: ctx.{name} while it is read back; `started` may")


def _text(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    if error.__cause__ is not None:
        said += f" ({error.__cause__})"
    return " ".join(said.split())[:CAUSE_MAX]
