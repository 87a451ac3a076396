"""What becomes of a supervision tree, in plain recursion: no task, no time but a number, no mailbox.

A tree is planned (`Plan`), and of each plan one `Node` lives at most. A failure is played to its end before the
next. Where what a rule prescribes depends on who is quicker, the model says so by `Ambiguous`.
"""

from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from actors.supervision import AutoShutdown, Restart, Strategy


class Ambiguous(Exception):
    """A family has failed its supervisor while siblings of that one are still being started."""


@dataclass(frozen=True)
class Plan:
    """A child as its spec says it, and what it starts itself."""

    strategy: Strategy
    auto: AutoShutdown
    restart: Restart
    significant: bool
    """Taken for False where its supervisor does not look at it, or it is permanent."""
    escalates: bool
    """What the alarm in it means; else it is a crash like any other."""
    limit: int
    window: float
    children: tuple["Plan", ...] = ()


@dataclass(eq=False)
class Node:
    path: str
    plan: Plan
    parent: "Node | None" = None
    restarts: int = 0
    counted: list[float] = field(default_factory=list[float])
    """When its children's failures were."""
    children: list["Node"] = field(default_factory=list["Node"])
    lives: int = 1
    begun: bool = False
    """Else it stands in the line of those who start for the first time."""

    def end(self) -> None:
        self.children.clear()
        self.counted.clear()
        self.lives += 1

    @property
    def significant(self) -> bool:
        looked_at = self.parent is not None and self.parent.plan.auto is not AutoShutdown.NEVER
        return self.plan.significant and looked_at and self.plan.restart is not Restart.PERMANENT

    def family(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            yield from child.family()


ROOT = Plan(
    Strategy.ONE_FOR_ONE,
    AutoShutdown.NEVER,
    Restart.PERMANENT,
    significant=False,
    escalates=False,
    limit=10_000,
    window=1e9,
)


class Model:
    def __init__(self, top: Plan) -> None:
        self.now = 0.0
        self.root = Node("", replace(ROOT, children=(top,)))
        self.starts: Counter[str] = Counter()
        """How often each was started, in all its lives."""
        self.bad: Counter[str] = Counter()
        """How many of its next starts fail."""
        self.at_work: list[Node] = []
        """Supervisors that have still others to start."""
        self._begin_all(self.root)

    @property
    def alive(self) -> list[Node]:
        return [node for child in self.root.children for node in child.family()]

    # --- what happens from outside -----------------------------------------------------------------------

    def stop(self, node: Node) -> None:
        """Somebody stops it: no failure, and nobody follows."""
        assert node.parent is not None
        node.parent.children.remove(node)

    def leave(self, node: Node) -> None:
        """It ends by itself, of its own will or of a failure that ends it."""
        parent = node.parent
        assert parent is not None
        parent.children.remove(node)
        node.end()
        if not node.significant or parent.parent is None:
            return
        last = not any(child.significant for child in parent.children)
        if parent.plan.auto is AutoShutdown.ANY or last:
            self._goes_up(parent)
            self.leave(parent)

    def fail(self, node: Node, *, alarm: bool = False) -> None:
        parent = node.parent
        assert parent is not None
        if alarm and node.plan.escalates:
            self._give_up(parent, alarm=True)
        elif node.plan.restart is Restart.TEMPORARY:
            self.leave(node)
        elif self._counts(parent):
            self._restart(parent, self._group(parent, node))

    # --- what follows ------------------------------------------------------------------------------------

    def _group(self, parent: Node, node: Node) -> list[Node]:
        begun = [child for child in parent.children if child.begun]
        return {
            Strategy.ONE_FOR_ALL: begun,
            Strategy.REST_FOR_ONE: begun[begun.index(node) :],
        }.get(parent.plan.strategy, [node])

    def _counts(self, parent: Node) -> bool:
        """One more failure of a child; False: of the supervisor too."""
        parent.counted = [*(at for at in parent.counted if at > self.now - parent.plan.window), self.now]
        if len(parent.counted) <= parent.plan.limit:
            return True
        self._give_up(parent)
        return False

    def _give_up(self, node: Node, *, alarm: bool = False) -> None:
        self._goes_up(node)
        node.end()
        self.fail(node, alarm=alarm)

    def _goes_up(self, node: Node) -> None:
        if node.parent in self.at_work:
            raise Ambiguous

    def _restart(self, parent: Node, group: list[Node]) -> None:
        """All of them end; who is not temporary starts again, in order."""
        for node in group:
            node.end()
            if node.plan.restart is Restart.TEMPORARY:
                parent.children.remove(node)
        back = [node for node in group if node.plan.restart is not Restart.TEMPORARY]
        for place, node in enumerate(back):
            node.restarts += 1
            while not self._starts(node):
                if not self._counts(parent):
                    return
                node.restarts += 1
            with self._others(parent, more=place + 1 < len(back)):
                self._begin_all(node)

    def _begin_all(self, parent: Node) -> None:
        """The first starts, in order; a failure here is one like any other, of those that have begun."""
        life = parent.lives
        line = [
            Node(f"{parent.path}/{place}", plan, parent) for place, plan in enumerate(parent.plan.children)
        ]
        parent.children = line[:]
        for node in line:
            node.begun = True
            with self._others(parent, more=node is not line[-1]):
                if self._starts(node):
                    self._begin_all(node)
                else:
                    self.fail(node)
            if parent.lives != life:
                return  # it has failed of it, or followed it

    @contextmanager
    def _others(self, parent: Node, *, more: bool) -> Generator[None]:
        """Whether there are others that are started meanwhile."""
        if more:
            self.at_work.append(parent)
        yield
        if more:
            self.at_work.remove(parent)

    def _starts(self, node: Node) -> bool:
        self.starts[node.path] += 1
        if not self.bad[node.path]:
            return True
        self.bad[node.path] -= 1
        return False
