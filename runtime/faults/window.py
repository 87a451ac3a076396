"""The answers of the last ten minutes: what `stop_when` and `steady_state` are about. Kept while somebody asks for them."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from runtime.faults.expression import WINDOW_MAX
from runtime.faults.values import fits

ANSWERS_MAX = 100_000
"""Of a busier node the window is shorter."""

Answer = tuple[float, str, int, float]
"""When, which operation, its status (0: none, the connection was reset), how many seconds it took."""


class Window:
    """The figures of a node's door. `counts`: how often each rule has acted."""

    def __init__(self, now: Callable[[], float], counts: Mapping[str, int]) -> None:
        self._now = now
        self._counts = counts
        self._answers: deque[Answer] = deque(maxlen=ANSWERS_MAX)

    def add(self, operation: str, status: int, took: float) -> None:
        """One answer, which leaves now."""
        now = self._now()
        self._answers.append((now, operation, status, took))
        while self._answers[0][0] < now - WINDOW_MAX:
            self._answers.popleft()

    def forget(self) -> None:
        self._answers.clear()

    def error_rate(self, status: str, window: float) -> float:
        """A reset counts as 5xx: the client has had no answer."""
        statuses = [answer[2] for answer in self._last(window)]
        hits = sum(_is(status, one) for one in statuses)
        return hits / len(statuses) if statuses else 0.0

    def quantile(self, share: float, operation: str, window: float) -> float:
        times = sorted(answer[3] for answer in self._last(window) if fits(operation, answer[1]))
        return times[math.ceil(share * len(times)) - 1] if times else 0.0

    def requests(self, operation: str, window: float) -> float:
        return float(sum(fits(operation, answer[1]) for answer in self._last(window)))

    def faults(self, rule: str) -> float:
        return float(self._counts.get(rule, 0))

    def _last(self, window: float) -> Iterator[Answer]:
        since = self._now() - window
        for answer in reversed(self._answers):
            if answer[0] < since:
                return
            yield answer


def _is(wanted: str, status: int) -> bool:
    if wanted.endswith("xx"):
        return status // 100 == int(wanted[0]) or (status == 0 and wanted == "5xx")
    return status == int(wanted)
