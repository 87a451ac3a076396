"""An actor from one function, for tests and lessons: what has no state needs no class of its own."""

import inspect
import types
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from actors.actor import Actor
from actors.errors import BadHandler
from actors.handlers import receive
from actors.message import Fits, Message

M = TypeVar("M")
R = TypeVar("R")


def actor_of(
    kind: type[Fits[M, R]], function: Callable[[M], Awaitable[R]] | Callable[[M], R]
) -> type[Actor[M]]:
    """The class of an actor that answers each `kind` with `function(message)`: `Spec(actor_of(Greet, greet))`.

    Where it must wait, the function is `async def`, or answers what can be awaited. What it raises is a refusal or a
    crash, as of any handler. Raises BadHandler for what is no message or cannot be called with one.
    """
    _check(kind, function)
    call = cast("Callable[[Any], Any]", function)

    async def handler(_: Any, message: Any) -> Any:
        answer = call(message)
        return await answer if inspect.isawaitable(answer) else answer

    handle = receive(cast("Any", kind))(handler)
    protocol = cast("Any", Actor)[kind]  # the one message: what else comes is a dead letter
    made = types.new_class(
        f"ActorOf{kind.__name__}", (protocol,), None, lambda body: body.update(handle=handle)
    )
    return cast("type[Actor[M]]", made)


def _check(kind: Any, function: Any) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Message)):
        raise BadHandler(f"actor_of(Greet, greet): first the class of the message, not {kind!r}")
    if not callable(function):
        raise BadHandler(
            f"actor_of({kind.__name__}, ...): then the function that answers it, not {function!r}"
        )
    name = getattr(function, "__name__", repr(function))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise BadHandler(f"actor_of({kind.__name__}, {name}): it yields, and an actor answers once: return")
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise BadHandler(
            f"actor_of({kind.__name__}, {name}): it is called with the message alone, and cannot be: {error}"
        ) from None
    except ValueError:  # of some builtins nobody knows the form
        return
