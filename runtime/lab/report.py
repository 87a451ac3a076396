"""A report of what the lab has found: one HTML file without scripts and without a network, for a browser or an archive.

page = report("orders", searches=[Searched("pos", explored)], finds=[Find(recipe, film, "pytest ...")])
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from runtime.lab.diagram import FAULT, laid_out
from runtime.lab.diagram_svg import svg
from runtime.lab.explore import Explored
from runtime.lab.failures import sentence
from runtime.lab.film import Film, Shot
from runtime.lab.film_diff import Pair, parting, side_by_side
from runtime.lab.lives import Kind, Recipe
from runtime.lab.plots import mailbox_plot, wait_plot

CONTEXT = 3
"""Steps that two runs have in common, shown before they part."""
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:2rem auto;max-width:1200px;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem;border-top:1px solid #ddd;padding-top:1rem}h3{font-size:1rem}
table{border-collapse:collapse;font-size:14px}td,th{padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top}
th{border-bottom:1px solid #bbb}td.number{text-align:right}code,pre{font:13px ui-monospace,'DejaVu Sans Mono',monospace}
pre{background:#f5f5f5;padding:.6rem;overflow-x:auto}.scroll{overflow-x:auto}.bad{color:#b71c1c}.good{color:#1b5e20}
.diff td{font:12px ui-monospace,'DejaVu Sans Mono',monospace;width:50%;padding:.15rem .6rem;border-bottom:1px solid #eee}
.diff .only{background:#fff3e0}.diff .parts{border-top:3px solid #c62828}.diff small{color:#666;display:block}
figure{margin:1rem 0}figcaption{font-weight:bold;font-size:14px}.plot text{font:11px system-ui,sans-serif;fill:#555}
.plot .axis{stroke:#999;fill:none}.plot .fault{stroke:#c62828;stroke-width:2}
""".replace("\n", "")


@dataclass(frozen=True, slots=True)
class Searched:
    """One strategy's share of the search."""

    strategy: str
    explored: Explored


@dataclass(frozen=True, slots=True)
class Find:
    """A run that fails, as it is shown: shrunk, if it was."""

    recipe: Recipe
    film: Film
    again: str
    """The command that makes it again."""
    beside: Film | None = None
    """A run of the same program that does not fail, to compare it with."""


def report(title: str, *, searches: Sequence[Searched], finds: Sequence[Find]) -> str:
    """The page."""
    runs = sum(one.explored.runs for one in searches)
    head = f"{_plural(len(finds), 'way')} to fail" if finds else "nothing found"
    return "\n".join(
        [
            f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}: {head}</title>',
            f"<style>{STYLE}</style></head><body>",
            f'<h1>{escape(title)}: <span class="{"bad" if finds else "good"}">{head}</span>',
            f" in {_plural(runs, 'run')}</h1>",
            _summary(finds),
            *(_find(number, find) for number, find in enumerate(finds, 1)),
            _searches(searches),
            "</body></html>\n",
        ]
    )


def _summary(finds: Sequence[Find]) -> str:
    lines = (
        f'<li><a href="#find-{number}">{escape(_said(find))}</a></li>' for number, find in enumerate(finds, 1)
    )
    return f"<ol>{''.join(lines)}</ol>" if finds else ""


def _said(find: Find) -> str:
    return "it does not fail" if find.film.error is None else sentence(find.film.error)


def _find(number: int, find: Find) -> str:
    diagram = laid_out(find.film)
    said = escape(_said(find))
    faults = [f"step {row.step}, {row.time:.3f} s: {row.label}" for row in diagram.rows if row.kind == FAULT]
    return "\n".join(
        [
            f'<section id="find-{number}"><h2>{number}. {said}</h2>',
            f"<pre>{escape(find.again)}</pre>",
            f'<div class="scroll">{svg(diagram, title=_said(find))}</div>',
            "<h3>Faults</h3>" + _items(faults) if faults else "",
            mailbox_plot(diagram),
            wait_plot(diagram),
            _options(find.recipe, find.film),
            _diff(find.film, find.beside) if find.beside is not None else "",
            "</section>",
        ]
    )


def _options(recipe: Recipe, film: Film) -> str:
    wishes = recipe.of(Kind.PLAN)
    rows = [
        ("seed", str(recipe.seed)),
        ("asks driven inline", f"{recipe.inline:.0%}"),
        ("steps", str(len(film.shots))),
        ("effects", str(len(film.effects))),
        ("digest", film.digest),
    ]
    table = "".join(f"<tr><td>{name}</td><td><code>{escape(value)}</code></td></tr>" for name, value in rows)
    choices = f"<h3>Choices that matter: {len(wishes)}</h3>{_items(wishes)}" if wishes else ""
    return f"<h3>Options</h3><table>{table}</table>{choices}"


def _items(texts: Iterable[str]) -> str:
    return f"<ol>{''.join(f'<li><code>{escape(text)}</code></li>' for text in texts)}</ol>"


def _searches(searches: Sequence[Searched]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.strategy)}</td>"
        f'<td class="number">{one.explored.runs}</td><td class="number">{len(one.explored.found)}</td>'
        f'<td class="number">{one.explored.found[0].number if one.explored.found else ""}</td>'
        f'<td class="number">{one.explored.longest}</td><td>{"everything was tried" if one.explored.complete else ""}</td></tr>'
        for one in searches
    )
    return (
        "<h2>Searches</h2><table><tr><th>strategy</th><th>runs</th><th>failed</th><th>first in run</th>"
        f"<th>choices at most</th><th></th></tr>{rows}</table>"
    )


# --- two runs ------------------------------------------------------------------------------------------------


def _diff(film: Film, beside: Film) -> str:
    """From shortly before they part."""
    pairs = side_by_side(film, beside)
    first = parting(pairs)
    if first is None:
        return ""
    begin = max(0, first - CONTEXT)
    rows = "".join(_pair(pair, parts=at == first) for at, pair in enumerate(pairs) if at >= begin)
    before = f"<p>{_plural(begin, 'step')} before, the same in both.</p>" if begin else ""
    return (
        "<h3>Beside a run that does not fail</h3>"
        f'{before}<table class="diff"><tr><th>fails</th><th>does not</th></tr>{rows}</table>'
    )


def _pair(pair: Pair, *, parts: bool) -> str:
    kind = "parts" if parts else ""
    return f'<tr class="{kind}">{_cell(pair.one, pair)}{_cell(pair.other, pair)}</tr>'


def _cell(shot: Shot | None, pair: Pair) -> str:
    if shot is None:
        return "<td></td>"
    effects = "".join(f"<small>{escape(str(effect))}</small>" for effect in shot.effects)
    only = "" if pair.same else ' class="only"'
    return f"<td{only}>{escape(shot.name)}{effects}</td>"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
