"""Sockets for blocking clients: what `socket.socket` and `select.poll` are while a simulation runs.

A client's library opens, reads and polls them as it does the machine's; each wait is awaited by the client's task in
virtual time. TCP to the simulation's own names alone: TLS, other sockets and other hosts raise `Uncontrolled`.
"""

import io
import math
import select
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, NoReturn, Self, TypeVar

import trio

from runtime.clock import loop_time
from runtime.lab.greenlets import Client, current
from runtime.lab.network import End, Network
from runtime.lab.uncontrolled import Uncontrolled

T = TypeVar("T")


async def _within(seconds: float | None, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    if seconds is None:
        return await work(*arguments)
    with trio.move_on_after(seconds):
        return await work(*arguments)
    raise TimeoutError("timed out")


@contextmanager
def _gone() -> Generator[None]:
    try:
        yield
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise ConnectionResetError(104, "Connection reset by peer") from None


class ClientSocket:
    """A TCP socket on the simulation's network. `network` is set in a subclass for each run."""

    network: Network

    def __init__(
        self,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 -- the parameters are socket.socket's
        proto: int = 0,
        fileno: object = None,
    ) -> None:
        if type & socket.SOCK_STREAM != socket.SOCK_STREAM or family not in {socket.AF_INET, socket.AF_INET6}:
            raise Uncontrolled("a socket that is not TCP")
        if current() is None or fileno is not None:
            raise Uncontrolled("a socket outside a client of the simulation")
        self.family, self.type, self.proto = family, type, proto
        self._timeout: float | None = None
        self._end: End | None = None
        self._peer: tuple[str, int] = ("", 0)
        self._files = 0
        self._closing = False

    # --- effects ---------------------------------------------------------------------------------------

    def connect(self, address: tuple[Any, ...]) -> None:
        self._peer = host, port = address[:2]
        client = self._effect("connect", f"{host}:{port}")
        self._end = client.wait(_within, self._timeout, self.network.connect, host, port)

    def sendall(self, data: bytes, _flags: int = 0) -> None:
        client = self._effect("send", str(len(data)))
        end = self._open()
        with _gone():
            if not end.send_now(data):
                client.wait(_within, self._timeout, end.send_all, data)

    def send(self, data: bytes, flags: int = 0) -> int:
        self.sendall(data, flags)
        return len(data)

    def recv(self, size: int, _flags: int = 0) -> bytes:
        client = self._effect("receive", "")
        with _gone():
            deadline = math.inf if self._timeout is None else loop_time() + self._timeout
            return client.wait(self._open().receive_by, deadline, size)

    def recv_into(self, buffer: Any, size: int = 0, _flags: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    @staticmethod
    def _effect(kind: str, what: str) -> Client:
        client = current()
        if client is None:
            raise Uncontrolled(f"a socket's {kind} outside a client of the simulation")
        client.effect(kind, what)
        return client

    def _open(self) -> End:
        if self._end is None:
            raise OSError(107, "Transport endpoint is not connected")
        return self._end

    # --- does not wait ---------------------------------------------------------------------------------

    def readable(self) -> bool:
        """What poll says."""
        return self._end is None or self._end.readable()

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, *_: object) -> None:
        """There is no Nagle here, and no kernel's buffer."""

    def getsockopt(self, *_: object) -> NoReturn:
        raise Uncontrolled("TLS, or another option of the kernel: a client of a simulation speaks http://")

    def getpeername(self) -> tuple[str, int]:
        return self._peer

    def fileno(self) -> int:
        return -1

    def makefile(self, mode: str = "r", buffering: int | None = None, **_: object) -> Any:
        if mode not in {"rb", "br"} or buffering == 0:
            raise Uncontrolled(f"socket.makefile({mode!r}, {buffering})")
        self._files += 1
        raw: Any = socket.SocketIO(self, "r")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return io.BufferedReader(raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decref_socketios(self) -> None:  # of socket.SocketIO
        self._files -= 1
        if self._closing:
            self.close()

    def shutdown(self, _how: int) -> None:
        if self._end is not None:
            self._end.close()

    def close(self) -> None:
        self._closing = True
        if self._files <= 0 and self._end is not None:
            self._end.close()


class ClientPoll:
    """`select.poll`, as far as a client asks whether a connection has been closed behind its back."""

    def __init__(self) -> None:
        self._sockets: list[ClientSocket] = []

    def register(self, sock: ClientSocket, _events: int = 0) -> None:
        self._sockets.append(sock)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        if timeout:
            raise Uncontrolled("select.poll with a timeout")
        return [(sock.fileno(), select.POLLIN) for sock in self._sockets if sock.readable()]


def address_info(network: Network) -> Callable[..., list[tuple[Any, ...]]]:
    """`socket.getaddrinfo` of a run: it knows the simulation's names, and no other."""

    def getaddrinfo(host: Any, port: Any, *_: object, **__: object) -> list[tuple[Any, ...]]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not network.knows(name, int(port)):
            raise Uncontrolled(
                f"a connection to {name}:{port}, which is not in the simulation (leave endpoint_url away, or give it its url)"
            )
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, int(port)))]

    return getaddrinfo
