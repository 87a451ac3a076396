"""The engine: asked at each seam what goes wrong there, it says so by the rules, counts it and logs it.

Time and chance are its arguments, so that a node's rules and a simulation's are the same: each rule draws from a stream
of its own, and one more rule changes no other's draws. It touches nothing: the seams do what it says.
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

import structlog

from runtime.entropy import Entropy
from runtime.faults.expression import Figures
from runtime.faults.rule import Effect, FaultFile, Limits, Rule, Seam
from runtime.faults.values import fits

LOG_KEPT = 10_000
KEYS_MAX = 10_000
"""Clients, actors, messages that a rule counts apart; it lets alone whoever comes after them."""
Facts = Mapping[str, str]
"""Of one request, effect or commit: what a match can name."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("callboard.faults")


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault that was injected. `at` is `Clock.now`."""

    number: int
    at: float
    rule: str
    seam: str
    effect: str
    target: str


class Standing:
    """One rule and how far it has come."""

    def __init__(self, rule: Rule, entropy: Entropy) -> None:
        self.rule = rule
        self.armed_at: float | None = None
        """None: it does nothing."""
        self.matched = 0
        self.applied = 0
        """Since it was armed; of `once_per_run` since it is there."""
        self.told = False
        """Its end has been logged."""
        self.wanted = rule.match.wanted()
        self._entropy = entropy
        self._counts: Counter[str] = Counter()

    def arm(self, now: float) -> None:
        self.armed_at = now
        self.told = False
        self._counts.clear()
        if not self.rule.gate.once_per_run:
            self.applied = 0

    @property
    def budget(self) -> int:
        return 1 if self.rule.gate.once_per_run else self.rule.gate.budget

    def over(self, now: float) -> bool:
        """It will never act again, unless it is armed anew."""
        gate = self.rule.gate
        if self.armed_at is None or gate.rate == 0:
            return True
        return self.applied >= self.budget or now - self.armed_at >= gate.until

    def matches(self, seam: Seam, facts: Facts) -> bool:
        if self.rule.match.at != seam:
            return False
        return all(name in facts and fits(glob, facts[name]) for name, glob in self.wanted.items())

    def lets_through(self, now: float, facts: Facts, figures: Figures | None) -> bool:
        """Whether the gate takes this one, which matches."""
        gate = self.rule.gate
        since = now - (now if self.armed_at is None else self.armed_at)
        if since < gate.after or (gate.every is not None and since % gate.every >= (gate.for_ or 0)):
            return False
        if gate.while_ is not None and (figures is None or not gate.while_.holds(figures)):
            return False
        key = facts.get(gate.per, "") if gate.per is not None else ""
        if key not in self._counts and len(self._counts) >= KEYS_MAX:
            return False
        self._counts[key] += 1
        place = self._counts[key] - gate.skip
        if place < 1 or (gate.nth is not None and place not in gate.nth):
            return False
        return gate.rate == 1 or self._entropy.fraction() < gate.rate


class Faults:
    """The rules of a node or of a run. `now` is the clock's, `figures` what expressions are about."""

    def __init__(self, now: Callable[[], float], entropy: Entropy, figures: Figures | None = None) -> None:
        self.rules: dict[str, Standing] = {}
        self.limits = Limits()
        self.injected: deque[Injected] = deque(maxlen=LOG_KEPT)
        self.counts: Counter[str] = Counter()
        """Of each rule's name, for good: a counter never goes back."""
        self.figures = figures
        self._now = now
        self._entropy = entropy
        self._number = 0
        self._seen = 0
        self._hit = 0
        self._total = 0

    # --- which rules there are -------------------------------------------------------------------------

    def put(self, file: FaultFile, *, armed: bool) -> None:
        """These rules and limits and no others; a rule that has not changed goes on as it stands."""
        self.limits = file.limits
        kept = {name: one for name, one in self.rules.items() if one.rule in file.faults}
        for name in self.rules.keys() - kept.keys():
            self.remove(name)
        before, self.rules = self.rules, {}
        for rule in file.faults:
            self.rules[rule.name] = before.get(rule.name) or self._standing(rule)
        if armed:
            for name in self.rules.keys() - kept.keys():
                self.arm(name)

    def add(self, rule: Rule) -> None:
        """One more, behind the others; it does nothing until it is armed."""
        self.rules[rule.name] = self._standing(rule)

    def remove(self, name: str) -> None:
        """A rule that has met nothing says so now."""
        self._tell_end(self.rules.pop(name))

    def arm(self, name: str) -> None:
        """From now on: its times begin."""
        if not self.live():
            self._seen = self._hit = self._total = 0
        self.rules[name].arm(self._now())

    def disarm(self, name: str) -> None:
        self.rules[name].armed_at = None

    def off(self) -> None:
        """All of them, at once."""
        for standing in self.rules.values():
            standing.armed_at = None

    @property
    def spent(self) -> bool:
        """All rules together have acted as often as the limits allow."""
        return self._total >= self.limits.total

    def live(self) -> set[Seam]:
        """The seams at which something may still go wrong."""
        if self.spent:
            return set()
        now = self._now()
        return {one.rule.match.at for one in self.rules.values() if not one.over(now)}

    def dead(self) -> list[str]:
        """Rules that have matched nothing yet: `DeadRule` in a report."""
        return [name for name, one in self.rules.items() if one.matched == 0]

    def tell_ended(self) -> None:
        """Log each rule that has come to its end, once; one that has met nothing as dead."""
        now = self._now()
        for standing in self.rules.values():
            if standing.armed_at is not None and standing.over(now):
                self._tell_end(standing)

    def _tell_end(self, standing: Standing) -> None:
        if standing.told:
            return
        standing.told = True
        if standing.matched == 0:
            log.warning(
                "dead_rule", rule=standing.rule.name, hint="no request, effect or commit has matched it"
            )
        else:
            log.info("fault_rule_over", rule=standing.rule.name, applied=standing.applied)

    def _standing(self, rule: Rule) -> Standing:
        return Standing(rule, self._entropy.stream(f"fault/{rule.name}"))

    # --- asked at the seams ----------------------------------------------------------------------------

    def request_seen(self) -> None:
        """One more of those that the blast radius is a share of."""
        self._seen += 1

    def meet(
        self, seam: Seam, facts: Facts, target: str, possible: Container[str] | None = None
    ) -> list[Effect]:
        """What goes wrong with this one: mostly nothing. `target` is what the log calls it.

        `possible`: the kinds of effect that can happen to it at all; a rule for another one does not match. None: any.
        """
        found: list[Effect] = []
        now = self._now()
        for standing in self.rules.values():
            if not standing.matches(seam, facts) or standing.armed_at is None:
                continue
            if possible is not None and standing.rule.effect.kind not in possible:
                continue
            standing.matched += 1
            if not self._takes(standing, facts, target, now):
                continue
            if not self._within_limits(seam):
                break
            self._count(standing, seam, target, now)
            found.append(standing.rule.effect)
            if not standing.rule.stack:
                break
        return found

    def _takes(self, standing: Standing, facts: Facts, target: str, now: float) -> bool:  # noqa: ARG002 -- a run's names it
        """Whether the rule, which matches, acts on this one."""
        return not standing.over(now) and standing.lets_through(now, facts, self.figures)

    def _within_limits(self, seam: Seam) -> bool:
        share = self.limits.blast_radius.share_of_requests
        if (
            share is not None
            and seam in {"door", "delivery", "consumer"}
            and self._hit + 1 > share * self._seen
        ):
            return False
        return not self.spent

    def _count(self, standing: Standing, seam: Seam, target: str, now: float) -> None:
        rule = standing.rule
        standing.applied += 1
        self._number += 1
        self._total += 1
        self._hit += seam in {"door", "delivery", "consumer"}
        self.counts[rule.name] += 1
        self.injected.append(Injected(self._number, now, rule.name, seam, rule.effect.kind, target))
        self._note(self.injected[-1])

    def _note(self, injected: Injected) -> None:
        log.warning(
            "fault_injected",
            rule=injected.rule,
            at=injected.seam,
            effect=injected.effect,
            target=injected.target,
        )
