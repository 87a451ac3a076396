"""A rule: match, gate, effect. Where it may act, which of the matching it takes, and what goes wrong then.

Rule(name="throttled", match=Match(at="door", operation="SendMessage"), gate=Gate(rate=0.1), effect=Effect(error="RequestThrottled"))

Everything unknown is refused: by pydantic here, by `installed.py` what the node in question does not have.
"""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from runtime.faults.expression import Expression, parse
from runtime.faults.values import Seconds

Seam = Literal["door", "delivery", "consumer", "effect", "turn", "start", "disk"]
LAB_ONLY = {"link", "node", "clock", "timer", "code"}
"""Seams that a simulation has and a running node has not."""

BUDGET = 100
"""Times that a rule acts, unless it says otherwise."""
UNTIL = 600.0
"""Seconds that a rule acts from when it was armed on, unless it says otherwise."""
TOTAL = 500
"""Times that all rules together act."""
RULES_MAX = 200

EFFECTS: dict[Seam, tuple[str, ...]] = {
    "door": (
        "error",
        "latency",
        "reset_before_effect",
        "reset_after_effect",
        "silence",
        "truncate",
        "slow_body",
    ),
    "delivery": ("duplicate", "reorder"),
    "consumer": ("silence",),
    "effect": ("crash", "pause", "jump", "drift"),
    "turn": ("refuse",),
    "start": ("refuse",),
    "disk": ("full", "slow", "ack_lost", "fsync_error", "read_error"),
}
LAB_EFFECTS = frozenset({"pause", "jump", "drift", "fsync_error", "read_error"})
"""What only a simulation can do: a running node's clock and disk are the machine's."""
FIELDS: dict[Seam, frozenset[str]] = {
    "door": frozenset({"service", "operation", "resource", "account", "region", "client"}),
    "delivery": frozenset({"service", "operation", "resource", "account", "region", "client"}),
    "consumer": frozenset({"service", "operation", "resource", "account", "region", "client"}),
    "effect": frozenset({"actor", "kind", "of"}),
    "turn": frozenset({"actor", "of"}),
    "start": frozenset({"actor"}),
    "disk": frozenset({"actor"}),
}
PER: dict[Seam, tuple[str, ...]] = {
    "door": ("client", "resource", "message"),
    "delivery": ("client", "resource", "message"),
    "consumer": ("client", "resource", "message"),
    "effect": ("actor",),
    "turn": ("actor",),
    "start": ("actor",),
    "disk": ("actor",),
}
"""What a gate can count apart."""
KINDS = frozenset(
    [
        "read",
        "stage",
        "ask",
        "tell",
        "forward",
        "pipe",
        "defer",
        "resolve",
        "timer",
        "cancel",
        "spawn",
        "watch",
        "unwatch",
        "stop",
        "reply",
        "pin",
    ]
)
"""Effects of an actor that a crash may be aimed at."""

Glob = Annotated[str, Field(min_length=1, max_length=500)]
Condition = Annotated[Expression, PlainSerializer(str)]


class Part(BaseModel):
    """Of a rule: it does not change, and takes no field that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )


class Match(Part):
    """Where a rule may act: the seam, and names with wildcards, which must all fit."""

    at: Seam
    service: Glob | None = None
    """botocore's name of it: `sqs`."""
    operation: Glob | None = None
    resource: Glob | None = None
    """The name of the queue, topic, stream..., as the request has it."""
    account: Glob | None = None
    region: Glob | None = None
    client: Glob | None = None
    """The access key that the request names."""
    actor: Glob | None = None
    """An address: `/queue/*/orders`."""
    kind: str | None = None
    """Of an actor's effect: read, stage, tell, reply, ..."""
    of: Glob | None = None
    """The class of a message; of an effect, whom or what it is about."""

    @field_validator("at", mode="before")
    @classmethod
    def _served(cls, at: object) -> object:
        if at in LAB_ONLY:
            raise ValueError(f"faults at {at} are for a simulation; a running node has {', '.join(EFFECTS)}")
        return at

    @field_validator("of", mode="before")
    @classmethod
    def _class_name(cls, of: object) -> object:
        return of.__name__ if isinstance(of, type) else of

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str | None) -> str | None:
        if kind is not None and kind not in KINDS:
            raise ValueError(f"no effect of an actor is a {kind}; there are {', '.join(sorted(KINDS))}")
        return kind

    @model_validator(mode="after")
    def _fields_of_the_seam(self) -> Self:
        alien = self.wanted().keys() - FIELDS[self.at]
        if alien:
            taken = ", ".join(sorted(FIELDS[self.at]))
            raise ValueError(f"at {self.at} there is no {min(alien)}; there are {taken}")
        return self

    def wanted(self) -> dict[str, str]:
        """The fields that are set, without the seam."""
        return {
            name: value for name, value in self.model_dump().items() if value is not None and name != "at"
        }


class Gate(Part):
    """Which of the matching ones it takes; all that is set must let it through, in this order.

    Times count from when the rule was armed. `nth` and `skip` count for each `per` apart; the budget is the rule's.
    """

    after: Seconds = 0.0
    until: Seconds = UNTIL
    every: Seconds | None = None
    for_: Seconds | None = Field(default=None, validation_alias="for", serialization_alias="for")
    """With `every`: the first so many seconds of each such period."""
    while_: Condition | None = Field(default=None, validation_alias="while", serialization_alias="while")
    """An expression over the node's figures."""
    per: Literal["client", "actor", "message", "resource"] | None = None
    """A message is one call of a client, its retries included."""
    skip: Annotated[int, Field(ge=0)] = 0
    """So many are let go first."""
    nth: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    """Of those after `skip`, counted from 1."""
    rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    budget: Annotated[int, Field(ge=1, le=1_000_000)] = BUDGET
    once_per_run: bool = False

    @field_validator("nth", mode="before")
    @classmethod
    def _one_or_many(cls, nth: object) -> object:
        return (nth,) if isinstance(nth, int) else nth

    @field_validator("while_", mode="before")
    @classmethod
    def _parsed(cls, text: object) -> object:
        return parse(text) if isinstance(text, str) else text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.every is None) != (self.for_ is None):
            raise ValueError("every and for come together: every 60 s for 15 s")
        if self.every is not None and self.for_ is not None and not 0 < self.for_ <= self.every:
            raise ValueError("for is more than 0 s and at most every")
        if self.until <= self.after:
            raise ValueError("until is later than after")
        return self


class Effect(Part):
    """What goes wrong: exactly one of these. In a file, one without a value is just its name: `effect: crash`."""

    error: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]{1,128}$")] | None = None
    """The service's own error, by its code."""
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    """Of `error`; its model's status unless given."""
    message: Annotated[str, Field(max_length=1_000)] | None = None
    retry_after: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Of `error`: the header Retry-After, in whole seconds."""
    after_effect: bool = False
    """Of `error` and `silence`: what was asked has been done, and stands."""
    latency: Seconds | None = None
    """So long before anything is done."""
    reset_before_effect: bool = False
    reset_after_effect: bool = False
    """The commit stands, the connection is reset in the reply's place."""
    silence: bool = False
    """No answer ever comes: the client runs into its own timeout."""
    truncate: Annotated[int, Field(ge=0)] | None = None
    """The reply ends after so many bytes of its body."""
    slow_body: Seconds | None = None
    """The reply's body takes so long to arrive."""
    crash: bool = False
    """The actor's handler raises InjectedCrash there."""
    pause: Seconds | None = None
    """Nothing of the node makes a step for so long, while time goes on: a collection of garbage, a handler that computes, a
    machine that is moved. Timers fire late."""
    jump: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Seconds that the wall clock is set forward there, or back; `ctx.now` does not see it."""
    drift: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Microseconds that the wall clock gains in each second from there on."""
    refuse: bool = False
    """The message does not get in: an ask fails, what was told is a dead letter. Of a start: the actor cannot be built."""
    duplicate: bool = False
    """A message that was received is received once more. Where the service's contract allows it alone."""
    reorder: bool = False
    full: bool = False
    """The disk takes no writes."""
    slow: Seconds | None = None
    """A commit takes so much longer."""
    ack_lost: bool = False
    """The commit stands and its answer is lost: nothing of the turn is let out, the actor is read back from the store."""
    fsync_error: Literal["kept", "gone"] | None = None
    """The whole commit's fsync fails; its pages had reached the disk, or had not."""
    read_error: bool = False
    """A sector cannot be read: the read raises OSError."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        return {given: True} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one(self) -> Self:
        names = [name for names in EFFECTS.values() for name in names]
        chosen = {
            name for name in names if getattr(self, name) is not None and getattr(self, name) is not False
        }
        if len(chosen) != 1:
            raise ValueError(f"an effect is one of {', '.join(dict.fromkeys(names))}")
        if self.error is None and (self.status, self.message, self.retry_after) != (None, None, None):
            raise ValueError("status, message and retry_after belong to an error")
        if self.after_effect and self.kind not in {"error", "silence"}:
            raise ValueError("after_effect belongs to error and silence")
        return self

    @property
    def kind(self) -> str:
        """Its name."""
        for names in EFFECTS.values():
            for name in names:
                if getattr(self, name) is not None and getattr(self, name) is not False:
                    return name
        raise AssertionError("an effect is one of them")


class Rule(Part):
    """One fault: the first rule that matches and whose gate lets it through wins."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    match: Match
    gate: Gate = Gate()
    effect: Effect
    stack: bool = False
    """Those after it are looked at too: a delay and then an error."""

    @model_validator(mode="after")
    def _effect_of_the_seam(self) -> Self:
        possible = EFFECTS[self.match.at]
        if self.effect.kind not in possible:
            raise ValueError(
                f"at {self.match.at} there is no {self.effect.kind}; there are {', '.join(possible)}"
            )
        per = self.gate.per
        if per is not None and per not in PER[self.match.at]:
            raise ValueError(
                f"at {self.match.at} nothing is counted per {per}; per {', '.join(PER[self.match.at])}"
            )
        return self


class BlastRadius(Part):
    """How much may be hit at all."""

    nodes: Annotated[int, Field(ge=1)] | None = None
    """A node has its own rules: it is one."""
    share_of_requests: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """Of those that reached the door since the rules were armed."""


class Limits(Part):
    """Over all rules."""

    blast_radius: BlastRadius = BlastRadius()
    total: Annotated[int, Field(ge=1, le=1_000_000)] = TOTAL


class FaultFile(Part):
    """All that a fault file or an experiment says."""

    version: Literal[1] = 1
    faults: Annotated[tuple[Rule, ...], Field(max_length=RULES_MAX)] = ()
    limits: Limits = Limits()
    stop_when: tuple[Condition, ...] = ()
    """One of them true: all rules are off for good."""
    steady_state: tuple[Condition, ...] = ()
    """All of them true before an experiment, and again within `recover` after it."""
    recover: Seconds = 60.0

    @field_validator("stop_when", "steady_state", mode="before")
    @classmethod
    def _parsed(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            raise ValueError("a list of expressions, such as 'error_rate(5xx, 30 s) > 0.5'")  # noqa: TRY004 -- pydantic takes ValueError
        ones: list[Any] = list(cast("list[Any]", given))
        return tuple(parse(one) if isinstance(one, str) else one for one in ones)

    @field_validator("faults")
    @classmethod
    def _names_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rules have the name {name}")
        return rules
