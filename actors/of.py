"""An actor from one function, for tests and lessons: what has no state needs no class of its own."""

import inspect
import types
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from actors.actor import Actor
from actors.handlers import receive
from actors.message import Fits

M = TypeVar("M")
R = TypeVar("R")


def actor_of(
    kind: type[Fits[M, R]], function: Callable[[M], Awaitable[R]] | Callable[[M], R]
) -> type[Actor[M]]:
    """The class of an actor that answers each `kind` with `function(message)`: `Spec(actor_of(Greet, greet))`.

    Where it must wait, the function is `async def`. What it raises is a refusal or a crash, as of any handler.
    """
    call = cast("Callable[[Any], Any]", function)

    async def wait(_: Any, message: Any) -> Any:
        return await call(message)

    def answer(_: Any, message: Any) -> Any:
        return call(message)

    handle = receive(cast("Any", kind))(wait if inspect.iscoroutinefunction(function) else answer)
    protocol = cast("Any", Actor)[kind]  # the one message: what else comes is a dead letter
    made = types.new_class(
        f"ActorOf{kind.__name__}", (protocol,), None, lambda body: body.update(handle=handle)
    )
    return cast("type[Actor[M]]", made)
