"""The steps of a run as text, and where two runs part."""

from collections.abc import Iterator

from runtime.lab.choices import actor_of
from runtime.lab.lives import Kind, Lived


def lines_of(run: Lived) -> list[str]:
    """A line for each step: its number, who acts on what, and `<` where it was chosen from several; one for each power cut."""
    lines: list[str] = []
    for life, book in enumerate(run.books):
        chosen = {choice.step: choice for choice in book.made}
        for number, step in enumerate(book.steps):
            choice = chosen.get(number)
            several = f"   < {len(choice.enabled)} could go on" if choice is not None else ""
            lines.append(f"  {number:4} {step.name}{several}")
        if run.lives[life].crashed:
            lines.append(f"     X the power fails at effect {run.recipe.of(Kind.FAULT, life)[0]}")
    return lines


def difference(one: Lived, other: Lived) -> list[str]:
    """The first step at which two runs part, and the steps of each actor from there that only one of them has or has elsewhere."""
    first, second = list(_names(one)), list(_names(other))
    if first == second:
        return [f"the same {len(first)} steps"]
    pairs = enumerate(zip(first, second, strict=False))
    at = next((number for number, (a, b) in pairs if a != b), min(len(first), len(second)))
    lines = [f"{at} steps in common", f"  - {_at(first, at)}", f"  + {_at(second, at)}"]
    left, right = _by_actor(first[at:]), _by_actor(second[at:])
    for actor in sorted({*left, *right}):
        mine, others = left.get(actor, []), right.get(actor, [])
        if mine != others:
            lines.append(actor)
            lines += [f"  - {name}" for name in mine]
            lines += [f"  + {name}" for name in others]
    return lines


def _names(run: Lived) -> Iterator[str]:
    for life, book in enumerate(run.books):
        yield from (step.name for step in book.steps)
        if run.lives[life].crashed:
            yield f"*power : fails in life {life + 1}"


def _at(names: list[str], at: int) -> str:
    return names[at] if at < len(names) else "(the end)"


def _by_actor(names: list[str]) -> dict[str, list[str]]:
    acts: dict[str, list[str]] = {}
    for name in names:
        acts.setdefault(actor_of(name), []).append(name.partition(" : ")[2])
    return acts
