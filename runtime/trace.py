"""The one numbered place that every effect passes: what the lab crashes at, and what a run's digest is made of."""

from collections.abc import Callable
from hashlib import blake2b


class NodeCrashed(BaseException):
    """The simulated power cut: it leaves every handler, and nothing of the node acts any more."""


class Trace:
    """Numbers the effects of a run. `digest` is equal for two runs that did the same in the same order."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        crash_at: int | None = None,
        keep: bool = False,
    ) -> None:
        self.steps = 0
        self.dead = False
        self.lines: list[str] | None = [] if keep else None
        self.watches: tuple[Callable[[str, str], None], ...] = ()
        """Each is called with the kind and the address of every effect, once it is numbered; it alters nothing."""
        self._now = now
        self._crash_at = crash_at
        self._hash = blake2b(digest_size=8)

    def record(self, kind: str, address: str, number: int, what: str = "") -> None:
        """One effect. Raises NodeCrashed at the chosen step, and at each later one."""
        if self.dead:
            raise NodeCrashed
        self.steps += 1
        line = f"{self.steps} {self._now():.6f} {kind} {address} {number} {what}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)
        for watch in self.watches:
            watch(kind, address)
        if self.steps == self._crash_at:
            self.dead = True
            raise NodeCrashed

    def note(self, kind: str, address: str, what: str) -> None:
        """What has happened to the node and is no effect of it: it has no number of its own, so that those of effects stay."""
        line = f"{self.steps} {self._now():.6f} {kind} {address} 0 {what}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        return self._hash.hexdigest()
