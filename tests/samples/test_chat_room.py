"""The sample's server, and clients on real sockets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from samples.chat_room.server import LINE_MAX, serve

pytestmark = pytest.mark.wire


class Client:
    """As `nc`: it sends lines, and shows lines."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.heard = b""

    async def say(self, line: str) -> None:
        await self.stream.send_all(line.encode() + b"\n")

    async def line(self) -> str:
        while b"\n" not in self.heard:
            more = await self.stream.receive_some()
            assert more, "the server has hung up"
            self.heard += more
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode()

    async def joins(self, name: str) -> str:
        assert await self.line() == "* your name?"
        await self.say(name)
        return await self.line()


@asynccontextmanager
async def chat(clients: int) -> AsyncGenerator[list[Client]]:
    ports: list[int] = []
    up = trio.Event()

    def started(port: int) -> None:
        ports.append(port)
        up.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(serve, 0, started=started))
            await up.wait()
            connected: list[Client] = []
            for _ in range(clients):
                stream = await trio.open_tcp_stream("127.0.0.1", ports[0])  # noqa: TID251 -- a real client
                connected.append(Client(stream))
            yield connected
            for client in connected:
                await client.stream.aclose()
            nursery.cancel_scope.cancel()


async def test_two_clients_talk_and_each_sees_the_other_come_and_go() -> None:
    async with chat(2) as (ada, bob):
        assert await ada.joins("ada") == "* welcome; here are: ada"
        assert await bob.joins("bob") == "* welcome; here are: ada, bob"
        assert await ada.line() == "* bob is here"
        await ada.say("hello, bob")
        assert await bob.line() == "ada: hello, bob"
        await bob.say("/who")
        assert await bob.line() == "* ada, bob"
        await bob.say("bye")
        await bob.stream.aclose()
        assert [await ada.line(), await ada.line()] == ["bob: bye", "* bob has left"]
        await ada.say("/who")
        assert await ada.line() == "* ada"


async def test_a_name_is_one_person_s_until_that_one_leaves() -> None:
    async with chat(3) as (ada, bob, eve):
        await ada.joins("ada")
        assert await bob.joins("ada") == "* ada is taken. Your name?"
        await bob.say("bob")
        assert await bob.line() == "* welcome; here are: ada, bob"
        await ada.stream.aclose()
        assert await bob.line() == "* ada has left"
        assert await eve.joins("ada") == "* welcome; here are: ada, bob"


async def test_a_client_that_never_ends_its_line_is_cut_off_and_the_others_go_on() -> None:
    async with chat(2) as (ada, bob):
        await ada.joins("ada")
        await bob.joins("bob")
        assert await ada.line() == "* bob is here"
        await bob.stream.send_all(b"x" * (LINE_MAX + 1))
        assert await ada.line() == "* bob has left"
        with pytest.raises((AssertionError, trio.BrokenResourceError)):
            await bob.line()
