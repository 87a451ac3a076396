"""Work that would hold the loop: threads for what blocks, processes for what computes.

Nothing else may start a thread or a process. A thread cannot be stopped, only abandoned; a process is killed when
whoever waits for it is cancelled. In the lab both run inline, so that a seed still gives one run.
"""

import os
import sys
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import orjson
import trio

from actors.errors import WorkerDied, WorkerFailed

T = TypeVar("T")

THREADS = 4
"""Threads at work for one actor class at a time, unless the class says otherwise."""
FRAME_MAX = 64 * 1_048_576
"""Bytes of a job's arguments, or of its result, as JSON."""
HEAD = 4
"""Bytes that say how long a frame is."""


class Workers(Protocol):
    """Where blocking and computing work goes."""

    async def thread(self, group: object, limit: int, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` in a thread; of one group at most `limit` are at work, the next ones wait."""
        ...

    async def process(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a function of a module in another process. Raises WorkerFailed, WorkerDied."""
        ...

    @property
    def abandoned(self) -> int:
        """Threads that are still at work though nobody waits for them any more."""
        ...

    async def aclose(self) -> None:
        """End the processes; abandoned threads go on, nobody can stop them."""
        ...


class InlineWorkers:
    """Runs the work where it is asked for: for simulations."""

    abandoned = 0

    async def thread(self, group: object, limit: int, work: Callable[..., T], *arguments: Any) -> T:
        del group, limit
        return work(*arguments)

    async def process(self, work: Callable[..., T], *arguments: Any) -> T:
        return cast("T", result_of(answer_to(job_of(work, arguments))))

    async def aclose(self) -> None:
        """Nothing to end."""


class MachineWorkers:
    """The machine's threads, and `processes` processes (one a core by default), each started when first needed."""

    def __init__(self, processes: int | None = None) -> None:
        self._limiters: dict[object, trio.CapacityLimiter] = {}
        self._processes = trio.CapacityLimiter(processes or os.cpu_count() or 1)
        self._idle: list[_Process] = []
        self._left: list[_Job] = []

    @property
    def abandoned(self) -> int:
        return sum(not job.ended for job in self._left)

    async def thread(self, group: object, limit: int, work: Callable[..., T], *arguments: Any) -> T:
        limiter = self._limiters.get(group)
        if limiter is None:
            limiter = self._limiters[group] = trio.CapacityLimiter(limit)
        job = _Job()

        def run() -> T:
            try:
                return work(*arguments)
            finally:
                job.ended = True

        try:  # an abandoned thread keeps its place until it has ended
            return await trio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=limiter)
        except trio.Cancelled:
            self._left = [one for one in (*self._left, job) if not one.ended]
            raise

    async def process(self, work: Callable[..., T], *arguments: Any) -> T:
        job = job_of(work, arguments)
        async with self._processes:
            process = self._idle.pop() if self._idle else await _started()
            try:
                answer = await process.ask(job)
            except BaseException:
                await process.kill()  # cancelled in the middle of a job, or dead: of no use to the next one
                raise
            self._idle.append(process)
        return cast("T", result_of(answer))

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().kill()


@dataclass(slots=True, eq=False)
class _Job:
    """What a thread does; the thread itself writes its end."""

    ended: bool = False


@dataclass(slots=True)
class _Process:
    """One process, with at most one job at a time."""

    process: trio.Process

    async def ask(self, job: bytes) -> bytes:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            await stdin.send_all(len(job).to_bytes(HEAD, "big") + job)
            size = int.from_bytes(await self._read(stdout, HEAD), "big")
            return await self._read(stdout, size)
        except (trio.BrokenResourceError, EOFError):
            code = await self.process.wait()
            raise WorkerDied(f"the process of this work ended with exit code {code}") from None

    async def _read(self, stream: trio.abc.ReceiveStream, size: int) -> bytes:
        if size > FRAME_MAX:
            raise WorkerFailed(f"the result has {size} bytes, at most {FRAME_MAX} are taken")
        data = bytearray()
        while len(data) < size:
            some = await stream.receive_some(size - len(data))
            if not some:
                raise EOFError
            data += some
        return bytes(data)

    async def kill(self) -> None:
        with trio.CancelScope(shield=True):  # a killed process ends at once
            self.process.kill()
            await self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    await pipe.aclose()


async def _started() -> _Process:
    command = [sys.executable, "-m", "runtime.worker_process"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return _Process(
        await trio.lowlevel.open_process(command, stdin=-1, stdout=-1, env=environment)  # -1: a pipe
    )


# --- a job as bytes: JSON, never pickle ---------------------------------------------------------------------


def job_of(work: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Raises ValueError for work that another process could not find, TypeError for arguments that are no JSON."""
    name = work.__qualname__
    if "<" in name:
        raise ValueError(
            f"{name}: a process can find the function of a module alone, no lambda and no inner one"
        )
    main = getattr(sys.modules["__main__"], "__file__", None) if work.__module__ == "__main__" else None
    job = {
        "module": work.__module__,
        "main": main,
        "name": name,
        "arguments": [_plain(one) for one in arguments],
    }
    frame = orjson.dumps(job)
    if len(frame) > FRAME_MAX:
        raise ValueError(f"the arguments of {name} have {len(frame)} bytes, at most {FRAME_MAX} are taken")
    return frame


def answer_to(job: bytes) -> bytes:
    """Do it: what the other process does."""
    asked = orjson.loads(job)
    try:
        function: Any = _found(asked["module"], asked["main"])
        for part in asked["name"].split("."):
            function = getattr(function, part)
        value = function(*(_bytes_again(one) for one in asked["arguments"]))
        return orjson.dumps({"value": _plain(value)})
    except Exception as error:  # noqa: BLE001 -- the boundary of the job: it goes back to whoever asked
        text = "".join(traceback.format_exception_only(error)).strip()
        return orjson.dumps({"error": text, "stack": traceback.format_exc()})


def result_of(answer: bytes) -> Any:
    """The value. Raises WorkerFailed with the other side's traceback as a note."""
    given = orjson.loads(answer)
    if "error" not in given:
        return _bytes_again(given["value"])
    failed = WorkerFailed(given["error"])
    failed.add_note(given["stack"])
    raise failed


def _found(module: str, main: str | None) -> Any:
    if main is not None and getattr(sys.modules["__main__"], "__file__", None) != main:
        import runpy  # noqa: PLC0415 -- only for a program's own file

        found = runpy.run_path(main, run_name="__callboard_worker__")
        return type("Main", (), {name: staticmethod(one) for name, one in found.items() if callable(one)})
    __import__(module)
    return sys.modules[module]


def _plain(value: Any) -> Any:
    return {"bytes": b64encode(value).decode()} if isinstance(value, bytes) else {"json": value}


def _bytes_again(value: dict[str, Any]) -> Any:
    return b64decode(value["bytes"]) if "bytes" in value else value["json"]
