"""Dead letters: what is kept of them, and how many of them are logged."""

from typing import Any

import trio
from structlog.testing import capture_logs

from actors.actor import Spec
from actors.address import Address
from actors.durable import Put
from runtime.envelope import Envelope
from runtime.letters import KEPT, LOGGED, WINDOW, DeadLetters
from runtime.system import System
from tests.runtime.cast import Keeper, Note, Player, Run, Wait, on_stage, settled

HERE = Address("/here")


class Post:
    """Letters at a time that the test sets."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.letters = DeadLetters(lambda: self.time)

    def add(self, count: int, to: Address = HERE, reason: str = "stopped") -> list[Any]:
        with capture_logs() as lines:
            for number in range(count):
                self.letters.add(to, Envelope(Note(text="x"), number), reason)
        return [line["event"] for line in lines]


def test_of_one_address_and_reason_only_the_first_in_a_minute_are_logged() -> None:
    post = Post()
    assert post.add(50) == ["dead_letter"] * LOGGED
    post.time += WINDOW - 1
    assert post.add(1) == []
    assert post.add(1, reason="overflow") == ["dead_letter"]
    assert post.letters.counts == {"stopped": 51, "overflow": 1}


def test_the_limit_begins_anew_in_the_next_minute_which_says_how_many_were_left_out() -> None:
    post = Post()
    post.add(50)
    post.time += WINDOW
    assert post.add(50) == ["dead_letters_not_logged", *["dead_letter"] * LOGGED]
    post.time += WINDOW
    with capture_logs() as lines:
        post.letters.add(HERE, Envelope(Note(text="x"), 1), "stopped")
    assert lines[0]["count"] == 40


def test_a_flood_of_addresses_is_logged_up_to_a_bound_and_the_next_minute_is_heard_again() -> None:
    post = Post()
    logged = sum(len(post.add(1, to=Address(f"/a/{number}"))) for number in range(2 * KEPT))
    assert logged <= KEPT + 1
    post.time += WINDOW
    assert "dead_letter" in post.add(1)


@on_stage()
async def test_a_told_message_whose_turn_does_not_count_is_a_dead_letter_and_one_handled_message(
    system: System,
) -> None:
    async def late() -> int:
        return 1

    async def dirty(self: Keeper) -> None:
        self.ctx.stage(Put("k", b""))
        await trio.sleep(1)

    player, keeper = system.spawn(Spec(Player)), system.spawn(Spec(Keeper))
    await settled()
    await player.tell(Run(step=lambda _: late()))
    await keeper.tell(Wait(step=dirty))
    await trio.sleep(2)
    assert [(one.to, one.reason) for one in system.letters.newest] == [
        (player.address, "crashed"),
        (keeper.address, "crashed"),
    ]
    assert [system.router.cells[one.address].handled for one in (player, keeper)] == [1, 1]
