"""Local-first: which steps commute with all others, so that they need not be chosen but are taken at once.

A step does, if each actor that it acts as or sends to has at most one sender ever seen. That is learned over the
runs and never frozen: what a later run shows to be shared is a choice from then on. Timers, registries,
supervision and the store are shared by all. What tasks share besides messages is not seen here, so a search makes some
of its runs without this.
"""

from runtime.lab.choices import Choices, actor_of


class Sharing:
    """What the runs of one search have shown."""

    def __init__(self) -> None:
        self._touchers: dict[str, set[str]] = {}
        self._kins: dict[str, set[str]] = {}

    def learn(self, choices: Choices) -> None:
        """From a run that is over."""
        for step in choices.steps:
            who = actor_of(step.name)
            for actor in step.touched:
                if actor != who:
                    self._touchers.setdefault(actor, set()).add(who)
        for kin, touched in choices.kins.items():
            self._kins.setdefault(kin, set()).update(touched)

    def local(self) -> tuple[str, ...]:
        """Kins of steps that commute with all others, as far as is known."""
        return tuple(
            sorted(
                kin for kin, touched in self._kins.items() if all(self._is_local(actor) for actor in touched)
            )
        )

    def _is_local(self, actor: str) -> bool:
        return not actor.startswith("*") and len(self._touchers.get(actor, ())) <= 1
