"""The sample's buffer and mailboxes, in virtual time."""

from actors import Overflow
from runtime import System
from samples.bounded_buffer.buffer import hand_over, mailboxes, refused
from tests.runtime.cast import on_stage


@on_stage()
async def test_producers_wait_for_a_place_and_every_item_comes_once_in_its_producer_s_order(
    system: System,
) -> None:
    got, ahead = await hand_over(system, producers=3, each=10, places=4)
    assert sorted(got) == list(range(30))
    for number in range(3):
        mine = [item for item in got if item // 10 == number]
        assert mine == sorted(mine)
    assert ahead <= 4 + 1  # and the one that the consumer has in hand


@on_stage()
async def test_a_full_buffer_refuses_who_will_not_wait(system: System) -> None:
    assert await refused(system, places=4) == "4 items wait"


@on_stage()
async def test_a_full_mailbox_lets_its_sender_wait_or_refuses_as_its_spec_says(system: System) -> None:
    found = await mailboxes(system, items=20)
    assert found[Overflow.WAIT][0] == 20
    assert found[Overflow.REFUSE][0] < 20
    assert all(ahead <= 3 + 1 for _, ahead in found.values())
