"""Routers as they are written: `system.spawn(pool(round_robin(), Spec(Worker), 4))` is a Ref of the worker's protocol."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload

from actors.actor import Spec
from actors.errors import BadSpec
from actors.event import Key
from actors.ref import Ref
from patterns.routers.actor import Begins, GivenRouter, KeyRouter
from patterns.routers.gathering import Broadcast, First, OneMore
from patterns.routers.messages import ToAll
from patterns.routers.policies import ByChance, ByKey, InTurn, LeastLoaded, Policy
from patterns.routers.pool import Size, pool_class
from patterns.routers.pulling import Pulled

M = TypeVar("M")


def round_robin() -> Policy:
    """One after the other, in the order in which they came."""
    return Policy(InTurn)


def random() -> Policy:
    """By chance, drawn from the system's entropy: the same seed gives the same choices."""
    return Policy(ByChance)


def smallest_mailbox() -> Policy:
    """To who has the least before it, the message in its hands counted; of several the one that came first."""
    return Policy(LeastLoaded)


def consistent_hash(by: str | Callable[[Any], object]) -> Policy:
    """Always to the same routee for the same key: a field's name, or a function of the message.

    The key is the value's text. When routees come or go, few keys change theirs. A message without the field, or
    whose function raises, is refused with NotRouted. Raises BadSpec for what is neither a name nor a function.
    """
    if not (isinstance(by, str) or callable(by)):
        raise BadSpec(f"consistent_hash: a field's name or a function, not {by!r}")
    return Policy(ByKey, (by,))


def broadcast() -> Broadcast:
    """To all: `await router.ask(Gather(message))` is Gathered, the replies and the failures."""
    return Broadcast()


def first_of(count: int | None = None) -> Policy:
    """To `count` of them at once, or to all; the first reply wins. All failed: an ExceptionGroup. Raises BadSpec."""
    if count is not None and count < 1:
        raise BadSpec("first_of: count is at least 1")
    return Policy(First, (count,))


def tail_chop(delay: float) -> Policy:
    """To one, and to one more after each `delay` seconds without an answer; the first reply wins. Raises BadSpec."""
    if not delay > 0:
        raise BadSpec("tail_chop: delay is more than 0 seconds")
    return Policy(OneMore, (delay,))


def work_pulling() -> Policy:
    """To whoever is free: the rest waits at the router, as many as its spec's `capacity`."""
    return Policy(Pulled)


@overload
def group(policy: Policy, routees: Sequence[Ref[M]] | Key[M]) -> Spec[M]: ...
@overload
def group(policy: Broadcast, routees: Sequence[Ref[M]] | Key[M]) -> Spec[ToAll[M]]: ...
def group(policy: Begins, routees: Sequence[Ref[Any]] | Key[Any]) -> Spec[Any]:
    """A router for actors that live anyway: given ones, or whoever holds a key. Raises BadSpec.

    With nobody left an ask raises NoRoutee, and a tell becomes a dead letter.
    """
    _check_policy(policy)
    if isinstance(routees, Key):
        return Spec(KeyRouter, (policy, routees))
    given = tuple(routees)
    for routee in given:
        _check_ref(routee)
    return Spec(GivenRouter, (policy, given))


@overload
def pool(policy: Policy, routee: Spec[M], size: int | Size) -> Spec[M]: ...
@overload
def pool(policy: Broadcast, routee: Spec[M], size: int | Size) -> Spec[ToAll[M]]: ...
def pool(policy: Begins, routee: Spec[Any], size: int | Size) -> Spec[Any]:
    """A router whose routees are its own children, each restarted alone as its spec says. Raises BadSpec.

    Stateless workers are a pool that lives at a pattern's prefix, from the first message on; `size` of them at most:

        def workers(address: Address) -> Spec[Scale] | None:
            return pool(smallest_mailbox(), Spec(Scaler), 8) if address == "/scale" else None

        Pattern("scale", {"scale": workers})  # and then system.ref(Address.of("scale"))

    A pool has children, so that it is not passivated: one for each address below the prefix would never go.
    """
    _check_policy(policy)
    _check_spec(routee)
    bounds = size if isinstance(size, Size) else Size(size, size)
    return Spec(pool_class(routee), (policy, routee.args, bounds))


def _check_policy(policy: object) -> None:
    if not isinstance(policy, Policy | Broadcast):
        name = getattr(policy, "__name__", None)
        shown = repr(policy) if name is None else f"the function itself: write {name}()"
        raise BadSpec(f"a policy is needed, such as round_robin(), not {shown}")


def _check_ref(routee: object) -> None:
    if not isinstance(routee, Ref):
        raise BadSpec(f"group: the routees are refs, or a key; spawn {routee!r} first")


def _check_spec(routee: object) -> None:
    if not isinstance(routee, Spec):
        raise BadSpec(f"pool: a Spec is needed: Spec({getattr(routee, '__name__', routee)})")
