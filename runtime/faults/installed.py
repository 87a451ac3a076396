"""What a node has that a rule can name: services, operations, errors, prefixes of addresses. What it has not is refused."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from runtime.door.aws.errors import CORAL
from runtime.door.aws.model import Model
from runtime.door.service import Service, WireError
from runtime.faults.refusal import BadFaults
from runtime.faults.rule import LAB_EFFECTS, FaultFile, Rule
from runtime.faults.values import fits

COMMON: dict[str, int] = {
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "LimitExceededException": 400,
    "ProvisionedThroughputExceededException": 400,
    "RequestLimitExceeded": 503,
    "RequestThrottled": 400,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
    "Throttling": 400,
    "ThrottlingException": 400,
    "TooManyRequestsException": 429,
}
"""Codes that any service may answer, and their status; the client sees the code as the rule has it, in every protocol. Source: the services' "Common errors" pages."""


class Places(Protocol):
    """Says where a value stands in what was read."""

    def where(self, place: Sequence[str | int]) -> str:
        """The place as a sentence begins with it."""
        ...


class InPython:
    """Rules that were made in Python stand in no file."""

    def where(self, place: Sequence[str | int]) -> str:
        return ".".join(map(str, place))


class Installed:
    """`services` of a node, and how to learn its prefixes: those of patterns, and the names of actors below the root."""

    def __init__(self, services: Iterable[Service], prefixes: Callable[[], Iterable[str]]) -> None:
        self._operations = {service.model: tuple(service.operations) for service in services}
        self._errors = {name: Model(name).errors for name in self._operations}
        self._prefixes = prefixes
        self._delivering = {
            service.model: tuple(name for name, one in service.operations.items() if one.delivers is not None)
            for service in services
        }

    def check(self, file: FaultFile, places: Places) -> None:
        """Raises BadFaults for the first rule that names what is not here."""
        for index, rule in enumerate(file.faults):
            place = ("faults", index)
            self.check_match(rule, place, places)
            if rule.effect.kind in LAB_EFFECTS:
                raise BadFaults(
                    f"{places.where((*place, 'effect', rule.effect.kind))}: {rule.effect.kind} is for a simulation"
                )
            if rule.effect.error is not None:
                self._check_error(rule, place, places)

    def error(self, service: str, code: str) -> WireError:
        """The error as that service answers it."""
        for shape, (query, status) in self._errors.get(service, {}).items():
            if code in {shape, query}:
                return WireError(shape, status, query, fault=_fault(status))
        status = COMMON.get(code, 400)
        return WireError(code, status, fault=_fault(status), namespace=CORAL)

    def check_match(self, rule: Rule, place: tuple[str | int, ...], places: Places) -> None:
        """Where it is to act there is something. Raises BadFaults."""
        match = rule.match
        if match.at in {"door", "delivery", "consumer"}:
            self._check_operation(rule, place, places)
        if match.actor is not None:
            self._check_address(match.actor, (*place, "match", "actor"), places)

    def _check_operation(self, rule: Rule, place: tuple[str | int, ...], places: Places) -> None:
        match = rule.match
        services = self._services(rule)
        if not services:
            known = ", ".join(sorted(self._operations)) or "none"
            raise BadFaults(
                f"{places.where((*place, 'match', 'service'))}: no service {match.service}; there are {known}"
            )
        table = self._operations if match.at == "door" else self._delivering
        names = [name for service in services for name in table[service]]
        if not any(fits(match.operation or "*", name) for name in names):
            wanted = match.operation or "operation that delivers"
            known = ", ".join(sorted(names)) or "none"
            raise BadFaults(
                f"{places.where((*place, 'match', 'operation'))}: no {wanted} here; there are {known}"
            )
        if match.at == "delivery" and (match.resource or "").endswith(".fifo"):
            raise BadFaults(
                f"{places.where((*place, 'match', 'resource'))}: what is ordered and comes once is not duplicated or reordered"
            )

    def _services(self, rule: Rule) -> list[str]:
        return [name for name in self._operations if fits(rule.match.service or "*", name)]

    def _check_error(self, rule: Rule, place: tuple[str | int, ...], places: Places) -> None:
        code = rule.effect.error or ""
        known = {
            one
            for name in self._services(rule)
            for pair in self._errors[name].items()
            for one in _codes(*pair)
        }
        if code not in known | COMMON.keys():
            raise BadFaults(
                f"{places.where((*place, 'effect', 'error'))}: no error {code}; any service has {', '.join(COMMON)}"
            )

    def _check_address(self, glob: str, place: tuple[str | int, ...], places: Places) -> None:
        prefixes = sorted(set(self._prefixes()))
        first = glob.removeprefix("/").split("/", 1)[0] if glob[0] in "/*" else ""
        if not any(fits(first, prefix) for prefix in prefixes):
            known = ", ".join(f"/{prefix}" for prefix in prefixes) or "none"
            raise BadFaults(
                f"{places.where(place)}: {glob} fits no address here; they begin with one of {known}"
            )


def _codes(shape: str, pair: tuple[str, int]) -> tuple[str, str]:
    return shape, pair[0]


def _fault(status: int) -> str:
    return "Receiver" if status >= 500 else "Sender"
