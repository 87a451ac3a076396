"""A flow as a plan: which stages there are, and whose outlet leads to which inlet. Data; the same plan may be opened often."""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.actor import Spec
from actors.address import Address
from actors.supervision import Restart
from patterns.flow.exit import Exit
from patterns.flow.messages import StageMessage
from patterns.flow.stage import Stage, Wiring


class FlowMisused(ValueError):
    """A flow that cannot be: the text says which stage, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One stage to be; `inputs` are the outlets that its inlets read from."""

    kind: str
    build: Callable[[Wiring], Stage]
    inputs: tuple["Output", ...] = ()
    outlets: int = 1


@dataclass(frozen=True, slots=True)
class Output:
    """One outlet of a stage."""

    node: Node
    number: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages up to the exit, upstream before downstream. Raises FlowMisused."""

    last: Output
    nodes: tuple[Node, ...] = field(init=False)
    readers: dict[Output, tuple[Node, int]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[Node, None] = {}
        _visit(Node("exit", Exit, (self.last,), outlets=0), found)
        object.__setattr__(self, "nodes", tuple(found))
        object.__setattr__(self, "readers", _readers(self.nodes))

    def specs(self, flow: Address, window: int) -> list[Spec[StageMessage]]:
        """The stages as children of the actor `flow`, the exit last."""
        names = {node: f"{place}-{node.kind}" for place, node in enumerate(self.nodes, 1)}
        addresses = {node: flow.child(name) for node, name in names.items()}

        def spec(node: Node) -> Spec[StageMessage]:
            upstream = tuple((addresses[output.node], output.number) for output in node.inputs)
            readers = [self.readers[Output(node, number)] for number in range(node.outlets)]
            downstream = tuple((addresses[reader], inlet) for reader, inlet in readers)
            wiring = Wiring(flow, names[node], window, upstream, downstream)
            return Spec(
                node.build,
                (wiring,),
                name=names[node],
                restart=Restart.TEMPORARY,
                capacity=wiring.mail_max,
            )

        return [spec(node) for node in self.nodes]


def _visit(node: Node, found: dict[Node, None]) -> None:
    if node not in found:
        for output in node.inputs:
            _visit(output.node, found)
        found[node] = None


def _readers(nodes: tuple[Node, ...]) -> dict[Output, tuple[Node, int]]:
    readers: dict[Output, tuple[Node, int]] = {}
    for node in nodes:
        for inlet, output in enumerate(node.inputs):
            if output in readers:
                raise FlowMisused(
                    f"what leaves a {output.node.kind} is read twice: broadcast() splits a flow"
                )
            readers[output] = (node, inlet)
    for node in nodes:
        for number in range(node.outlets):
            if Output(node, number) not in readers:
                raise FlowMisused(f"branch {number} of a {node.kind} leads nowhere: end it with to()")
    return readers
