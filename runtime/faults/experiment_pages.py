"""The pages of experiments: begin one, look at it, which keeps it alive, stop it."""

from collections.abc import Callable

from runtime.door.admin import json_page
from runtime.door.http import Request, Response
from runtime.entropy import Entropy
from runtime.faults.admin import Guard, Refused, answered
from runtime.faults.experiment import Experiment
from runtime.faults.live import LiveFaults
from runtime.faults.reading import read
from runtime.faults.rule import FaultFile

EXPERIMENTS = "/_callboard/experiments"
KEPT = 100
"""Experiments that can still be looked at."""


class ExperimentPages:
    """An HTTP handler for all below `/_callboard/experiments`: one runs at a time."""

    def __init__(self, live: LiveFaults, guard: Guard, now: Callable[[], float], entropy: Entropy) -> None:
        self._live = live
        self._guard = guard
        self._now = now
        self._entropy = entropy
        self._experiments: dict[str, Experiment] = {}

    async def __call__(self, request: Request) -> Response:
        return answered(self._guard, request, self._answer)

    def _answer(self, request: Request) -> Response:
        name = request.path.removeprefix(EXPERIMENTS).strip("/")
        match request.method, name:
            case "POST", "":
                return self._begin(request)
            case "GET", "":
                return json_page([{"id": one.name, "state": one.state} for one in self._experiments.values()])
            case "GET", _:
                experiment = self._one(name)
                experiment.renew()
                return json_page(experiment.as_json())
            case "DELETE", _:
                experiment = self._one(name)
                experiment.cancel()
                return json_page(experiment.as_json())
            case _:
                raise Refused(404, f"below {EXPERIMENTS} there are GET, POST, GET /ID, DELETE /ID")

    def _begin(self, request: Request) -> Response:
        file, lines = read(request.body, FaultFile, "body")
        self._live.installed.check(file, lines)
        if any(one.state != "done" for one in self._experiments.values()):
            raise Refused(409, "an experiment is under way: one at a time")
        taken = [rule.name for rule in file.faults if rule.name in self._live.faults.rules]
        if taken:
            raise Refused(409, f"there is a rule {taken[0]} already")
        if len(self._experiments) >= KEPT:
            del self._experiments[next(iter(self._experiments))]
        experiment = Experiment(self._entropy.uuid(), file, self._live, self._now)
        self._experiments[experiment.name] = experiment
        page = json_page(experiment.as_json(), 201)
        page.headers.append(("Location", f"{EXPERIMENTS}/{experiment.name}"))
        return page

    def _one(self, name: str) -> Experiment:
        if name not in self._experiments:
            raise Refused(404, f"no experiment {name}")
        return self._experiments[name]
