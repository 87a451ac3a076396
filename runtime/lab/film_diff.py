"""Two films side by side, aligned by the causal names of their steps: where they part, and what each does alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from runtime.lab.film import Film, Shot


@dataclass(frozen=True, slots=True)
class Pair:
    """A step of the one film beside the same step of the other; None where the other has none in this place."""

    one: Shot | None
    other: Shot | None

    @property
    def same(self) -> bool:
        """Both do it, and nothing more in the one than in the other."""
        return self.one is not None and self.other is not None and _said(self.one) == _said(self.other)


def side_by_side(one: Film, other: Film) -> list[Pair]:
    """All steps of both, in their order."""
    return list(_pairs(one.shots, other.shots))


def parting(pairs: list[Pair]) -> int | None:
    """The first pair that differs."""
    return next((number for number, pair in enumerate(pairs) if not pair.same), None)


def _pairs(ones: tuple[Shot, ...], others: tuple[Shot, ...]) -> Iterator[Pair]:
    names = [shot.name for shot in ones], [shot.name for shot in others]
    for tag, begin, end, first, last in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from map(Pair, ones[begin:end], others[first:last])
            continue
        for shot in ones[begin:end]:
            yield Pair(shot, None)
        for shot in others[first:last]:
            yield Pair(None, shot)


def _said(shot: Shot) -> list[tuple[str, str, str]]:
    return [(effect.kind, effect.address, effect.what) for effect in shot.effects]
