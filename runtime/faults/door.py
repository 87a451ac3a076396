"""The seam at the AWS door: before the effect, or after it, when the commit stands and the reply is lost.

What no proxy can aim at: it does not know when the effect has happened. An error is the service's own, in the request's
protocol; an unmodified client cannot tell it from a real one.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from runtime.door.aws.door import AwsDoor
from runtime.door.aws.routing import Endpoint
from runtime.door.aws.sigv4 import claimed_scope
from runtime.door.http import Hangup, Request, Response, Spoiled
from runtime.door.service import Call, Delivers, Operation
from runtime.entropy import Entropy
from runtime.faults.engine import Facts, Faults
from runtime.faults.installed import Installed
from runtime.faults.rule import Effect
from runtime.faults.window import Window

COPIES_MAX = 100
"""Of a queue's received messages: those that may come once more."""
QUEUES_MAX = 1_000
_NAMING = re.compile(r"(Url|Name|Arn)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request on its way."""

    request: Request
    call: Call
    endpoint: Endpoint
    facts: Facts

    @property
    def target(self) -> str:
        """What the log calls it."""
        return f"{self.call.service}.{self.call.operation} {self.facts['resource']}".strip()

    @property
    def operation(self) -> Operation[Any]:
        return self.endpoint.service.operations[self.call.operation]


class DoorSeam:
    """`install` and from then on each request is looked at; `remove` and there is nothing left of it."""

    def __init__(
        self,
        door: AwsDoor,
        faults: Faults,
        *,
        installed: Installed,
        window: Window,
        now: Callable[[], float],
        entropy: Entropy,
    ) -> None:
        self._door = door
        self._faults = faults
        self._installed = installed
        self._window = window
        self._now = now
        self._entropy = entropy
        self._copies: dict[str, deque[Any]] = {}

    def install(self) -> None:
        self._door.around = self._around

    def remove(self) -> None:
        self._door.around = None
        self._copies.clear()
        self._window.forget()  # it would have a hole, and what came before the next rules is not their doing

    async def _around(self, request: Request, call: Call, endpoint: Endpoint) -> Response:
        began = self._now()
        asked = Asked(request, call, endpoint, facts_of(request, call))
        self._faults.request_seen()
        effects = self._faults.meet("door", asked.facts, asked.target)
        response = await self._before(effects, asked)
        if response is None:
            response = await self._after(effects, asked)
        lost = isinstance(response, Spoiled) and response.reset
        self._window.add(call.operation, 0 if lost else response.status, self._now() - began)
        return response

    async def _before(self, effects: list[Effect], asked: Asked) -> Response | None:
        """What takes the answer's place with nothing done; None: it is to be done."""
        for effect in effects:
            if effect.latency is not None:
                async with asked.request.hangup():
                    await trio.sleep(effect.latency)
            elif effect.reset_before_effect:
                return Spoiled(503, close=True, reset=True)
            elif effect.silence and not effect.after_effect:
                await _silence(asked.request)
            elif effect.error is not None and not effect.after_effect:
                return self._refusal(effect, asked)
        return None

    async def _after(self, effects: list[Effect], asked: Asked) -> Response:
        """It has been done; what a client sees of that."""
        response, output = await self._door.answered(asked.request, asked.call, asked.endpoint)
        if output is not None and asked.operation.delivers is not None:
            response = await self._delivered(response, output, asked.operation.delivers, asked)
        for effect in effects:
            if effect.silence:
                await _silence(asked.request)
            if effect.error is not None:
                return self._refusal(effect, asked)
            if effect.reset_after_effect:
                return Spoiled(503, close=True, reset=True)
            if effect.truncate is not None or effect.slow_body is not None:
                return _spoiled(response, effect)
        return response

    def _refusal(self, effect: Effect, asked: Asked) -> Response:
        error = self._installed.error(asked.call.service, effect.error or "")
        error.status = effect.status or error.status
        error.message = effect.message or "Injected by a fault rule."
        response = asked.endpoint.refuse(error, asked.call.request_id)
        if effect.retry_after is not None:
            response.headers.append(("Retry-After", str(effect.retry_after)))
        return response

    # --- what is handed out ----------------------------------------------------------------------------

    async def _delivered(
        self, response: Response, output: Mapping[str, Any], delivers: Delivers, asked: Asked
    ) -> Response:
        """A consumer's receive: perhaps it is stuck with what it has got, perhaps it gets something twice."""
        call = asked.call
        messages = list(output.get(delivers.member, ()))
        if messages and self._faults.meet("consumer", asked.facts, asked.target):
            await _silence(asked.request)
        if delivers.ordered(call):
            return response
        copies = self._kept(f"{call.account}/{call.region}/{asked.facts['resource']}")
        changed = self._again(messages, copies, delivers.most(call), asked)
        copies += [message for message in messages if message not in copies]
        if changed == messages:
            return response
        return asked.endpoint.render({**output, delivers.member: changed}, call.request_id)

    def _again(self, messages: list[Any], copies: deque[Any], most: int, asked: Asked) -> list[Any]:
        """What the receive hands out: `messages`, or those with one of before, or in another order; never more than it asked for."""
        changed = list(messages)
        possible: set[str] = set()
        if len(messages) < most and (messages or copies):
            possible.add("duplicate")
        if len(messages) > 1:
            possible.add("reorder")
        for effect in self._faults.meet("delivery", asked.facts, asked.target, possible) if possible else ():
            if effect.duplicate:
                changed.append(copies.popleft() if copies else messages[0])
            else:
                for index in range(len(changed) - 1, 0, -1):
                    other = self._entropy.below(index + 1)
                    changed[index], changed[other] = changed[other], changed[index]
        return changed

    def _kept(self, place: str) -> deque[Any]:
        if place not in self._copies and len(self._copies) >= QUEUES_MAX:
            self._copies.clear()
        return self._copies.setdefault(place, deque(maxlen=COPIES_MAX))


def _spoiled(response: Response, effect: Effect) -> Spoiled:
    return Spoiled(
        response.status,
        response.body,
        response.headers,
        close=True,
        truncate=effect.truncate,
        slow=effect.slow_body or 0.0,
    )


async def _silence(request: Request) -> None:
    """Until the client hangs up: it raises Hangup then."""
    async with request.hangup():
        await trio.sleep_forever()
    raise Hangup


def facts_of(request: Request, call: Call) -> dict[str, str]:
    """What a match can name of a request. The resource is the last part of the first member that names one."""
    named = next(
        (value for name, value in call.input.items() if isinstance(value, str) and _NAMING.search(name)), ""
    )
    return {
        "service": call.service,
        "operation": call.operation,
        "resource": re.split(r"[/:]", named)[-1],
        "account": call.account,
        "region": call.region,
        "client": claimed_scope(request).key_id,
        "message": request.headers.get("amz-sdk-invocation-id", call.request_id),  # the same in each retry
    }
