"""The simulated network does what TCP may do, and nothing else."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from runtime import Entropy, VirtualClock
from runtime.lab.network import WINDOW, End, Network

pytestmark = pytest.mark.lab
SEEDS = range(20)


def connected(talk: Callable[[Network, End, End], Awaitable[None]], seed: int = 0) -> float:
    """Run `talk(network, near, far)` over a connection; the virtual seconds that it took."""
    clock = VirtualClock(autojump=True)

    async def main() -> None:
        network = Network(Entropy(seed))
        accepted: list[End] = []
        network.listen("door", 80, accepted.append)
        near = await network.connect("door", 80)
        await talk(network, near, accepted[0])

    trio.run(main, clock=clock)
    return clock.current_time()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_sent_arrives_whole_and_in_order_in_whatever_pieces(seed: int) -> None:
    sent = [bytes([number]) * (number * 37 % 300) for number in range(200)]
    pieces: list[bytes] = []

    async def talk(network: Network, near: End, far: End) -> None:
        network.faults.split = 0.5

        async def send() -> None:
            for data in sent:
                await near.send_all(data)
            await near.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while piece := await far.receive_some(100):
                pieces.append(piece)

    connected(talk, seed)
    assert b"".join(pieces) == b"".join(sent)
    assert len(pieces) > len(sent)


def test_bytes_take_time_and_a_tail_takes_more() -> None:
    took = sorted(connected(one_way, seed) for seed in range(300))
    assert 0.000_5 < took[150] < 0.002
    assert took[-1] > 3 * took[150]


async def one_way(_network: Network, near: End, far: End) -> None:
    await near.send_all(b"x")
    await far.receive_some()


def test_a_sender_waits_while_its_receiver_does_not_read() -> None:
    async def talk(_network: Network, near: End, far: End) -> None:
        taken = 0
        with trio.move_on_after(10):
            while True:
                await near.send_all(b"x" * 65_536)
                taken += 65_536
        assert WINDOW <= taken <= WINDOW + 65_536
        async with trio.open_nursery() as nursery:
            nursery.start_soon(near.send_all, b"y")
            while b"y" not in await far.receive_some():
                pass

    connected(talk)


def test_a_close_is_read_behind_what_was_sent() -> None:
    async def talk(_network: Network, near: End, far: End) -> None:
        await near.send_all(b"last words")
        await near.aclose()
        heard = b""
        while piece := await far.receive_some():
            heard += piece
        assert heard == b"last words"
        assert await far.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError):
            await far.send_all(b"answer")
        with pytest.raises(trio.ClosedResourceError):
            await near.send_all(b"more")

    connected(talk)


def test_a_reset_wakes_both_ends() -> None:
    broken: list[str] = []

    async def talk(network: Network, near: End, far: End) -> None:
        async def reads(name: str, end: End) -> None:
            with pytest.raises(trio.BrokenResourceError):
                await end.receive_some()
            broken.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reads, "near", near)
            nursery.start_soon(reads, "far", far)
            await trio.sleep(1)
            network.reset_all()

    assert connected(talk) < 1.1
    assert sorted(broken) == ["far", "near"]


def test_a_connection_that_has_lost_bytes_stays_half_open_when_the_network_has_healed() -> None:
    async def talk(network: Network, near: End, far: End) -> None:
        network.faults.half_open = True
        await near.send_all(b"lost")
        network.faults.half_open = False
        await near.send_all(b"behind what was lost")
        await near.aclose()
        with trio.move_on_after(3_600):
            raise AssertionError(await far.receive_some())

    assert connected(talk) > 3_600


def test_the_same_seed_delays_and_splits_the_same() -> None:
    assert [connected(one_way, seed) for seed in SEEDS] == [connected(one_way, seed) for seed in SEEDS]
    assert len({connected(one_way, seed) for seed in SEEDS}) == len(SEEDS)
