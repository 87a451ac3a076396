"""The metrics page, read by the parser of Prometheus' own client."""

from functools import partial

import pytest
import trio

from actors import Address, Spec
from actors.errors import DeadLettered
from runtime.entropy import Entropy
from runtime.observe import metrics
from runtime.observe.metrics import openmetrics
from runtime.observe.sampling import EVERY
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, on_stage

parser = pytest.importorskip("prometheus_client.openmetrics.parser", reason="pip install '.[test]'")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(system: System) -> Samples:
    """The page's samples by name and labels; what is no OpenMetrics raises ValueError."""
    page = await openmetrics(system, requests=3, connections=1)
    found: Samples = {}
    for family in parser.text_string_to_metric_families(page):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def of(found: Samples, name: str, **labels: str) -> float:
    return found[f"callboard_{name}", frozenset(labels.items())]


def fails(_: Player) -> None:
    raise Bang


@on_stage()
async def test_a_page_without_anything_to_tell_is_openmetrics(system: System) -> None:
    found = await scrape(system)
    assert of(found, "http_requests_total") == 3
    assert of(found, "store_full") == 0
    assert not [name for name, _ in found if "turn" in name or "dead" in name]


@on_stage()
async def test_actors_mailboxes_turns_and_restarts_are_counted_by_class(system: System) -> None:
    players = [system.spawn(Spec(Player)) for _ in range(3)]
    await players[0].tell(Run(step=fails))
    await trio.sleep(60)
    for player, number in zip(players[1:], (2, 5), strict=True):
        for _ in range(number):
            await player.tell(Note(text="x"))  # no turn of theirs has had a chance yet
    found = await scrape(system)
    assert of(found, "actors", actor="Player") == 3
    assert of(found, "actor_restarts_total", actor="Player") == 1
    assert of(found, "actor_handled_total", actor="Player") == 1
    assert of(found, "mailbox_messages", actor="Player") == 7
    assert of(found, "mailbox_longest", actor="Player") == 5


@on_stage()
async def test_a_counter_does_not_go_back_when_its_actors_end(system: System) -> None:
    for _ in range(3):
        player = system.spawn(Spec(partial(Player)))
        await player.ask(Note(text="x"))
        await player.tell(Run(step=fails))
        await trio.sleep(60)
        await system.stop(player)
    found = await scrape(system)
    assert of(found, "actor_handled_total", actor="Player") == 6
    assert of(found, "actor_restarts_total", actor="Player") == 3
    assert of(found, "actors", actor="Player") == 0


@on_stage()
async def test_who_ends_while_the_page_is_made_is_counted_once(system: System) -> None:
    players = [system.spawn(Spec(Player)) for _ in range(50)]
    for player in players:
        await player.ask(Note(text="x"))
    found: list[Samples] = []

    async def look() -> None:
        found.append(await scrape(system))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "SLICE", 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            for player in reversed(players):
                await system.stop(player)
                await trio.lowlevel.checkpoint()
    assert of(found[0], "actor_handled_total", actor="Player") == 50


@on_stage()
async def test_dead_letters_are_counted_by_reason_whatever_an_interceptor_calls_it(system: System) -> None:
    nobody = system.ref(Address.of("nobody"))
    with pytest.raises(DeadLettered):
        await nobody.ask(Note(text="x"))
    reason = 'a "quoted" \\ reason\nof two lines'
    system.router.interceptors = (lambda _to, _message: reason,)
    player = system.spawn(Spec(Player))
    await player.tell(Note(text="x"))
    found = await scrape(system)
    assert of(found, "dead_letters_total", reason="no_such_address") == 1
    assert of(found, "dead_letters_total", reason=reason) == 1


@on_stage(entropy=Entropy(4))
async def test_turn_times_are_a_histogram_for_each_handler_from_the_first_scrape_on(system: System) -> None:
    player = system.spawn(Spec(Player))
    await scrape(system)
    for _ in range(10 * EVERY):
        await player.ask(Note(text="x"))
    labels = {"actor": "Player", "message": "Note"}
    found = await scrape(system)
    count = of(found, "turn_seconds_count", **labels)
    assert 0 < count < 10 * EVERY
    assert of(found, "turn_seconds_bucket", le="1e-05", **labels) == count
    assert of(found, "turn_seconds_bucket", le="+Inf", **labels) == count
