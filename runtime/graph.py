"""`callboard actor graph`: the states of an actor class, drawn, and whether each can be reached.

Exit codes: 0 drawn, 1 there is no such class, it has no states, or one of them is never reached.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import click

from actors.actor import Actor
from actors.state_graph import state_graph


@click.group()
def actor() -> None:
    """Look at the classes of actors; no node is needed."""


@actor.command()
@click.argument("name", metavar="MODULE:CLASS")
def graph(name: str) -> None:
    """Draw the states of an actor class as a Mermaid diagram, and check that each can be reached."""
    found = state_graph(_class(name))
    if not found.states:
        raise click.ClickException(f"{name} has no handler that names a state")
    click.echo(found.as_mermaid())
    unreachable = ", ".join(found.unreachable())
    if unreachable and found.computed:
        click.echo(f"reached by a computed state at most: {unreachable}", err=True)
    elif unreachable:
        raise click.ClickException(f"never reached: {unreachable}")


def _class(name: str) -> type[Actor[object]]:
    module, colon, path = name.partition(":")
    sys.path.insert(0, "")  # what `python -m` finds, too
    if not module.replace(".", "").isidentifier() or _spec(module) is None:
        raise click.ClickException(f"no module {module!r}: say package.module:Class")
    found: object = import_module(module)
    if not (colon and path):
        raise click.ClickException(f"which class of {module}? say {module}:Class. {_actors_of(found)}")
    for part in path.split("."):
        if not hasattr(found, part):
            raise click.ClickException(f"{module} has no {path!r}. {_actors_of(import_module(module))}")
        found = getattr(found, part)
    if not (isinstance(found, type) and issubclass(found, Actor)):
        raise click.ClickException(f"{name} is no actor class. {_actors_of(import_module(module))}")
    return cast("type[Actor[object]]", found)


def _actors_of(module: object) -> str:
    found = [name for name, one in vars(module).items() if isinstance(one, type) and issubclass(one, Actor)]
    return f"Its actor classes: {', '.join(sorted(found)) or 'none'}"


def _spec(module: str) -> object:
    try:
        return find_spec(module)
    except ModuleNotFoundError:  # of its package
        return None
