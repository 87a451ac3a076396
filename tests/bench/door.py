"""The HTTP door with a plain actor behind it, in a process of its own: `python -m tests.bench.door`. Prints its URL."""

import sys

import trio

from actors import Actor, Message, Spec, receive
from runtime.cli import SWITCH_INTERVAL
from runtime.clock import SystemClock
from runtime.door.http import Request, Response
from runtime.door.http_server import HttpServer, serve_http
from runtime.system import System


class Echo(Message[bytes]):
    body: bytes


class Echoing(Actor[Echo]):
    @receive(Echo)
    def on_echo(self, message: Echo) -> bytes:
        return message.body


async def main() -> None:
    clock = SystemClock()
    async with System(clock=clock) as system, trio.open_nursery() as nursery:
        actor = system.spawn(Spec(Echoing))

        async def handler(request: Request) -> Response:
            return Response(200, await actor.ask(Echo(body=request.body)))

        server = await nursery.start(serve_http, handler, clock, 0)
        assert isinstance(server, HttpServer)
        print(f"http://127.0.0.1:{server.port}", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_INTERVAL)
    trio.run(main)
