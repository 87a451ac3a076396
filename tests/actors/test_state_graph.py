"""The states of a class as a graph, read off its code."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from typing_extensions import override

from actors.actor import Activated, Actor, StartReason
from actors.behaviours import enter
from actors.durable import DurableActor
from actors.handlers import receive, receive_any
from actors.message import Message
from actors.state_graph import START, state_graph
from runtime.cli import main
from samples.tour.states import Turnstile


class Go(Message[None]):
    pass


class Stay(Message[None]):
    pass


class Tick(Message[None]):
    pass


class Door(Actor[Go | Stay | Tick]):
    """Each kind of way from a state to the next; `lost` has none to it."""

    initial = "one"

    @override
    async def started(self, reason: StartReason) -> None:
        if isinstance(reason, Activated):
            self.ctx.become("two")

    @enter("two")
    def two(self) -> None:
        self.ctx.state_timeout(5.0, Tick())
        self.ctx.timer("other", 1.0, Stay())

    @receive(Go, state="one")
    def on_go(self, message: Go) -> None:
        self.step()

    @receive(Go, state="three")
    async def on_go_again(self, message: Go) -> None:
        later: Callable[[], None] = lambda: self.ctx.become("one")  # noqa: E731
        later()

    @receive(Tick, state="two")
    def on_tick(self, message: Tick) -> None:
        self.step()

    @receive(Stay)
    def on_stay(self, message: Stay) -> None:
        del message

    @receive(Go, state="lost")
    def on_lost(self, message: Go) -> None:
        self.ctx.become("one")

    def step(self) -> None:
        if self.ctx.state == "one":
            self.ctx.become("two")
        else:
            self.ctx.become("three")


class Computed(Door):
    """It goes where it is told."""

    @receive(Stay, state="three")
    def on_stay_there(self, message: Stay) -> None:
        self.ctx.become("lo" + message.__class__.__name__)


class Ledger(DurableActor[Go | Stay]):
    initial = "open"

    @receive(Go, state="open")
    def on_go(self, message: Go) -> None:
        self.ctx.become("closed")

    @receive(Stay, state="closed")
    def on_stay(self, message: Stay) -> None:
        del message


class Rest(Actor[Go]):
    initial = "open"

    @receive(Go, state="open")
    def on_go(self, message: Go) -> None:
        del message

    @receive_any
    def on_rest(self, message: object) -> None:
        self.ctx.become("open")


def test_each_way_from_state_to_state_is_an_edge() -> None:
    assert set(state_graph(Door).edges) == {
        (START, "", "one"),
        (START, "", "two"),
        ("one", "Go", "two"),  # by a method that the handler calls: each `become` in it may be meant
        ("one", "Go", "three"),
        ("two", "Tick (timeout)", "two"),
        ("two", "Tick (timeout)", "three"),
        ("three", "Go", "one"),  # in a lambda
        ("lost", "Go", "one"),
    }


def test_a_message_without_a_change_of_state_stays_and_one_that_is_put_off_is_not_there() -> None:
    assert state_graph(Door).stays == tuple((state, "Stay") for state in ("one", "three", "two", "lost"))


def test_a_state_that_nothing_leads_to_is_unreachable() -> None:
    assert state_graph(Door).unreachable() == ["lost"]
    assert state_graph(Turnstile).unreachable() == []


def test_a_computed_state_is_named_and_not_drawn() -> None:
    graph = state_graph(Computed)
    assert graph.computed == ("Computed.on_stay_there",)
    assert set(graph.edges) == set(state_graph(Door).edges)


def test_what_the_framework_handles_is_not_drawn() -> None:
    assert state_graph(Ledger).edges == ((START, "", "open"), ("open", "Go", "closed"))
    assert state_graph(Ledger).stays == (("closed", "Stay"),)


def test_a_handler_of_the_rest_leads_on_as_any_other_message() -> None:
    assert ("open", "any other", "open") in state_graph(Rest).edges


def test_an_actor_without_states_has_an_empty_graph() -> None:
    class Plain(Actor[Go]):
        @receive(Go)
        def on_go(self, message: Go) -> None: ...

    assert state_graph(Plain).states == ()


# --- the command ---------------------------------------------------------------------------------------


def graph(name: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["actor", "graph", name])
    return done.exit_code, done.output


def test_the_command_draws_a_mermaid_diagram() -> None:
    assert graph("samples.tour.states:Turnstile") == (
        0,
        """\
stateDiagram-v2
    state "locked" as s0
    state "open" as s1
    [*] --> s0
    s0 --> s1: Coin
    s1 --> s0: Push
    s1 --> s0: Relock (timeout)
    s0: UntilLocked
""",
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{__name__}:Door", "never reached: lost"),
        (f"{__name__}:Go", f"{__name__}:Go is no actor class. Its actor classes: "),
        ("samples.tour.states:Turnstyle", "has no 'Turnstyle'. Its actor classes: Actor, Turnstile"),
        (
            "samples.tour.states",
            "which class of samples.tour.states? say samples.tour.states:Class. Its actor",
        ),
        ("samples.nowhere.at_all:Turnstile", "no module 'samples.nowhere.at_all'"),
        ("./states.py:Turnstile", "no module './states.py'"),
        ("samples.tour.hello:Greeter", "no handler that names a state"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_one(name: str, said: str) -> None:
    code, output = graph(name)
    assert code == 1
    assert said in output.splitlines()[-1]


def test_a_state_that_a_computed_one_may_be_is_no_failure() -> None:
    code, output = graph(f"{__name__}:Computed")
    assert code == 0
    assert output.endswith("reached by a computed state at most: lost\n")


def audited(handler: Any) -> Any:
    @functools.wraps(handler)
    def handle(self: Any, message: Any) -> Any:
        return handler(self, message)

    return handle


class Audited(Actor[Go | Stay]):
    """Its handlers are decorated."""

    initial = "shut"

    @receive(Go, state="shut")
    @audited
    def on_go(self, message: Go) -> None:
        del message
        self.ctx.become("open")

    @receive(Stay, state="open")
    @audited
    def on_stay(self, message: Stay) -> None:
        del message
        self.ctx.become("shut")


def test_what_a_decorator_wraps_is_read_as_well() -> None:
    assert state_graph(Audited).edges[1:] == (("shut", "Go", "open"), ("open", "Stay", "shut"))
