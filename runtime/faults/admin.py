"""The pages of a node's faults: read, change, arm, switch off. Loopback alone, unless a token is set.

Each change is made in one step, whole or not at all; who changes a set that somebody else has changed meanwhile is told
so by its ETag.
"""

import hmac
from collections.abc import Callable
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

from runtime.door.admin import BadQuery, json_page, numbers
from runtime.door.http import Request, Response
from runtime.faults.engine import Standing
from runtime.faults.live import LiveFaults
from runtime.faults.reading import read
from runtime.faults.refusal import BadFaults
from runtime.faults.rule import FaultFile, Rule

ROOM = "/_callboard/faults"
SINCE_MAX = 2**31 - 1
LOG_PAGE = 1_000


class Refused(Exception):
    """A request that is not done: a status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guard:
    """Who may change a node's faults: nobody from outside the machine, or whoever knows the token."""

    def __init__(self, host: str, token: str | None) -> None:
        self._token = token
        self._local = is_loopback(host)

    def check(self, request: Request) -> None:
        """Raises Refused."""
        if self._token is not None:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                raise Refused(
                    401, "the header Authorization: Bearer with the node's --faults-token is missing or wrong"
                )
        elif not self._local:
            raise Refused(403, "the node listens beyond this machine: its faults need --faults-token")
        elif "origin" in request.headers:  # a web page that somebody on this machine looks at
            raise Refused(403, "not from a web page; set --faults-token")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches a server on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class FaultPages:
    """An HTTP handler for all below `/_callboard/faults`."""

    def __init__(self, live: LiveFaults, guard: Guard) -> None:
        self._live = live
        self._guard = guard

    async def __call__(self, request: Request) -> Response:
        return answered(self._guard, request, self._answer)

    def _answer(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.removeprefix(ROOM).split("/") if part]
        match request.method, parts:
            case "GET", []:
                return self._set()
            case "GET", ["log"]:
                return self._log(request)
            case "PUT", []:
                return self._put(request)
            case "POST", []:
                return self._add(request)
            case "POST", ["panic"]:
                self._live.off("panic")
                return self._set()
            case _:
                return self._one(request, parts)

    def _one(self, request: Request, parts: list[str]) -> Response:
        """Of one rule by its name."""
        match request.method, parts:
            case "DELETE", [name]:
                self._check_match(request)
                self._rule(name)
                self._live.remove(name)
                return Response(204)
            case "POST", [name, ("arm" | "disarm") as what]:
                self._rule(name)
                (self._live.arm if what == "arm" else self._live.disarm)(name)
                return self._set()
            case _:
                raise Refused(
                    404,
                    f"below {ROOM} there are GET, PUT, POST, DELETE /NAME, POST /NAME/arm, /NAME/disarm, /panic, GET /log",
                )

    # --- pages -----------------------------------------------------------------------------------------

    def _set(self, status: int = 200) -> Response:
        live = self._live
        page = json_page(
            {
                "stopped": live.stopped,
                "rules": [shown(one) for one in live.faults.rules.values()],
                "limits": live.faults.limits.model_dump(exclude_none=True),
                "stop_when": [str(one) for one in live.stop_when],
                "injected": dict(live.faults.counts),
                "dead": live.faults.dead(),
            },
            status,
        )
        page.headers.append(("ETag", self._tag()))
        return page

    def _log(self, request: Request) -> Response:
        since = numbers(request.query, since=SINCE_MAX).get("since", 0)
        found = [asdict(one) for one in self._live.faults.injected if one.number > since]
        return json_page(found[:LOG_PAGE])

    def _put(self, request: Request) -> Response:
        self._check_match(request)
        file, lines = read(request.body, FaultFile, "body")
        self._live.put(file, lines)
        return self._set()

    def _add(self, request: Request) -> Response:
        self._check_match(request)
        rule, lines = read(request.body, Rule, "body")
        if rule.name in self._live.faults.rules:
            raise Refused(409, f"there is a rule {rule.name} already")
        self._live.add(rule, lines)
        return self._set(201)

    def _rule(self, name: str) -> Standing:
        standing = self._live.faults.rules.get(name)
        if standing is None:
            raise Refused(404, f"no rule {name}; there are {', '.join(self._live.faults.rules) or 'none'}")
        return standing

    def _tag(self) -> str:
        return f'"{self._live.version}"'

    def _check_match(self, request: Request) -> None:
        wanted = request.headers.get("if-match")
        if (
            wanted is not None
            and self._tag() not in [one.strip() for one in wanted.split(",")]
            and wanted != "*"
        ):
            raise Refused(412, f"the rules have changed meanwhile: they are {self._tag()}, not {wanted}")


def answered(guard: Guard, request: Request, answer: Callable[[Request], Response]) -> Response:
    """What `answer` makes of a request that the guard lets in; refusals become pages."""
    try:
        guard.check(request)
        return answer(request)
    except Refused as refused:
        return json_page({"error": str(refused)}, refused.status)
    except (BadFaults, BadQuery) as bad:
        return json_page({"error": str(bad)}, 400)


def shown(standing: Standing) -> dict[str, Any]:
    """A rule and how far it has come, as JSON."""
    rule = standing.rule.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return {
        **rule,
        "armed": standing.armed_at is not None,
        "matched": standing.matched,
        "applied": standing.applied,
    }
