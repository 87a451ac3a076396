"""What the runtime will call of an actor: each hook and handler has the form that it is called in, or the class is refused.

Else a `def started` would fail at each start, and an `async def stopped` would never run.
"""

import inspect
from typing import Any

from actors.errors import BadHandler

HOOKS = {
    "started": ("async def", ("reason",)),
    "stopping": ("async def", ("reason",)),
    "stopped": ("def", ("reason",)),
}


def no_context(actor: object) -> str:
    """What is wrong with who asks an actor for its context before the runtime has given it one."""
    return f"{type(actor).__name__}: self.ctx is there from `started` on, not in __init__"


def check_calls(cls: type) -> None:
    """What the class itself defines. Raises BadHandler."""
    own = vars(cls)
    for name, (how, arguments) in HOOKS.items():
        if (hook := own.get(name)) is not None:
            _check_hook(f"{cls.__name__}.{name}", hook, how, arguments)
    for name, member in own.items():
        if getattr(member, "receives", None) is not None or getattr(member, "receives_any", False):
            _check_arguments(f"{cls.__name__}.{name}", member, "def", ("message",))
        elif getattr(member, "enters", None) is not None:
            _check_arguments(f"{cls.__name__}.{name}", member, "def", ())


def _check_hook(name: str, hook: Any, how: str, arguments: tuple[str, ...]) -> None:
    # a decorator's wrapper may be plain and answer what is awaited: of that nothing is known
    if not hasattr(hook, "__wrapped__") and inspect.iscoroutinefunction(hook) is (how == "def"):
        raise BadHandler(f"{name} is called as `{_form(how, arguments)}`: write it so")
    _check_arguments(name, hook, how, arguments)


def _check_arguments(name: str, function: Any, how: str, arguments: tuple[str, ...]) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(None, *arguments)
    except TypeError as error:
        raise BadHandler(f"{name} is called as `{_form(how, arguments)}`, not as {signature}") from error


def _form(how: str, arguments: tuple[str, ...]) -> str:
    return f"{how} (self{''.join(f', {one}' for one in arguments)})"
