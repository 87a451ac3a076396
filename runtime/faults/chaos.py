"""LocalStack's chaos rules at LocalStack's paths, so that chaos tests that were written for it run here.

A rule may leave out everything: `[{}]` answers every request with 503. Each becomes a rule of ours, behind those that there
are; they know no budget, so the limit of all rules is lifted while there are any.
Source: LocalStack's documentation, "Chaos API".
"""

from typing import Annotated, Any

from pydantic import Field, RootModel

from runtime.door.admin import json_page
from runtime.door.http import Request, Response
from runtime.faults.admin import Guard, Refused, answered
from runtime.faults.live import LiveFaults
from runtime.faults.reading import Lines, read
from runtime.faults.rule import Effect, Gate, Limits, Match, Part, Rule
from runtime.faults.values import SECONDS_MAX

CHAOS = "/_localstack/chaos"
ENDLESS = 1_000_000
LATENCY_MAX_MS = 600_000


class ChaosError(Part):
    """What such a rule answers."""

    status: Annotated[int, Field(ge=400, le=599, alias="statusCode")] = 503
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,128}$")] = "ServiceUnavailable"


class ChaosRule(Part):
    """LocalStack's rule."""

    region: str | None = None
    service: str | None = None
    operation: str | None = None
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    error: ChaosError = ChaosError()


class ChaosRules(RootModel[Annotated[list[ChaosRule], Field(max_length=100)]]):
    """The first that matches wins."""


class ChaosEffects(Part):
    """What happens to each request."""

    latency: Annotated[int, Field(ge=0, le=LATENCY_MAX_MS)] = 0
    """Milliseconds."""


class ChaosPages:
    """An HTTP handler for all below `/_localstack/chaos`."""

    def __init__(self, live: LiveFaults, guard: Guard) -> None:
        self._live = live
        self._guard = guard
        self._rules: list[ChaosRule] = []
        self._effects = ChaosEffects()
        self._names: list[str] = []
        self._limits = live.faults.limits
        self._lifted = Limits(total=ENDLESS)

    async def __call__(self, request: Request) -> Response:
        return answered(self._guard, request, self._answer)

    def _answer(self, request: Request) -> Response:
        match request.method, request.path.removeprefix(CHAOS):
            case "GET", "/faults" | "/effects":
                pass
            case ("POST" | "PATCH" | "DELETE") as method, "/faults":
                self._change_faults(method, request.body)
            case "POST", "/effects":
                effects, _ = read(request.body, ChaosEffects, "body")
                self._put(self._rules, effects)
            case _:
                raise Refused(
                    404, f"below {CHAOS} there are GET, POST, PATCH, DELETE /faults, GET, POST /effects"
                )
        if request.path.endswith("/effects"):
            return json_page(self._effects.model_dump())
        return json_page([_shown(rule) for rule in self._rules])

    def _change_faults(self, method: str, body: bytes) -> None:
        if method == "DELETE" and not body:
            self._put([], self._effects)
            return
        given, lines = read(body, ChaosRules, "body")
        for index, rule in enumerate(given.root):
            self._live.installed.check_match(_rule(rule, "localstack"), (index,), _Flat(lines))
        rules = {
            "POST": given.root,
            "PATCH": self._rules + given.root,
            "DELETE": [rule for rule in self._rules if rule not in given.root],
        }
        self._put(rules[method], self._effects)

    def _put(self, rules: list[ChaosRule], effects: ChaosEffects) -> None:
        faults = self._live.faults
        for name in self._names:
            if name in faults.rules:
                faults.remove(name)
        made = [_rule(rule, f"localstack-{place}") for place, rule in enumerate(rules, 1)]
        if effects.latency:
            made.insert(0, _latency(effects.latency / 1_000))
        self._rules, self._effects, self._names = rules, effects, [rule.name for rule in made]
        self._lift_limits(needed=bool(made))
        for rule in made:
            faults.add(rule)
            faults.arm(rule.name)
        self._live.settle()

    def _lift_limits(self, *, needed: bool) -> None:
        """What somebody has put meanwhile stays."""
        faults = self._live.faults
        if needed and faults.limits is not self._lifted:
            self._limits, faults.limits = faults.limits, self._lifted
        elif not needed and faults.limits is self._lifted:
            faults.limits = self._limits


class _Flat:
    """Where a value of a list of rules stands, whatever it has become in ours."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def where(self, place: Any) -> str:
        return self._lines.where([place[0], *place[2:]])


def _rule(rule: ChaosRule, name: str) -> Rule:
    return Rule(
        name=name,
        match=Match(at="door", service=rule.service, operation=rule.operation, region=rule.region),
        gate=Gate(rate=rule.probability, budget=ENDLESS, until=SECONDS_MAX),
        effect=Effect(error=rule.error.code, status=rule.error.status),
    )


def _latency(seconds: float) -> Rule:
    gate = Gate(budget=ENDLESS, until=SECONDS_MAX)
    return Rule(
        name="localstack-latency",
        match=Match(at="door"),
        gate=gate,
        effect=Effect(latency=seconds),
        stack=True,
    )


def _shown(rule: ChaosRule) -> dict[str, Any]:
    """As it came, its defaults filled in."""
    return rule.model_dump(exclude_none=True, by_alias=True)
