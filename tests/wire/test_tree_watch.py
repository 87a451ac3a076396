"""`callboard tree --watch` as its user has it: on a terminal, into a pipe, beside a node that comes and goes."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wire.nodes import END_WITHIN, RUN, environment, node, run

pytestmark = pytest.mark.wire
SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"


@dataclass
class Screen:
    """A view on a pseudo terminal of 120 columns and 30 lines."""

    process: "subprocess.Popen[bytes]"
    master: int
    text: str = ""
    read: bytes = field(default=b"", repr=False)

    def until(self, words: str) -> str:
        """What was drawn up to and with `words`; what comes later is for the next call."""
        while words not in self.text:
            piece = self._piece()
            assert piece, f"ended without {words!r}: {self.text[-2_000:]!r}"
            self.text += piece
        drawn, _, self.text = self.text.partition(words)
        return drawn + words

    def rest(self) -> str:
        """All that is drawn until the view has ended."""
        while piece := self._piece():
            self.text += piece
        return self.text

    def _piece(self) -> str:
        with suppress(OSError):  # what a terminal says when the last of its writers has gone
            self.read += os.read(self.master, 65_536)
            text, self.read = self.read.decode(errors="ignore"), b""
            return text
        return ""


@contextmanager
def view(folder: Path, url: str) -> Generator[Screen]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "tree", "--watch", "--interval", "0.1", "--endpoint", url],
        env={**environment(folder), "TERM": "xterm"},
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    with process:
        try:
            yield Screen(process, master)
        finally:
            process.kill()
            os.close(master)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_gives_the_terminal_back_as_it_was_and_exits_with_zero(
    tmp_path: Path, number: signal.Signals
) -> None:
    with node(tmp_path) as running, view(tmp_path, running.url) as screen:
        screen.until("hottest actors")
        screen.process.send_signal(number)
        rest = screen.rest()
        assert screen.process.wait(END_WITHIN) == 0
        assert "Traceback" not in rest
        assert rest.rindex("\x1b[?1049l") > 0
        assert rest.rindex(SHOW) > rest.rfind(HIDE)


def test_the_view_waits_for_a_node_and_outlives_it(tmp_path: Path) -> None:
    with node(tmp_path) as first:
        url, port = first.url, first.url.rpartition(":")[2]
        first.kill()
        with view(tmp_path, url) as screen:
            screen.until("waiting: no node answers")
            with node(tmp_path, "--port", port):
                screen.until("hottest actors")
            screen.until("gone, this is how it was")
            with node(tmp_path, "--port", port):
                screen.until("0 actors")


def test_a_pipe_that_is_closed_ends_the_view_without_a_word(tmp_path: Path) -> None:
    with node(tmp_path) as running:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "tree", "--watch", "--interval", "0.1", "--endpoint", running.url],
            env=environment(tmp_path),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().startswith("/  [one_for_one")
            process.stdout.close()
            assert process.wait(END_WITHIN) == 1
            assert process.stderr.read() == ""


def test_options_that_cannot_be_together_exit_with_two(tmp_path: Path) -> None:
    assert run(tmp_path, "tree", "--watch", "--json").returncode == 2
    assert run(tmp_path, "tree", "--watch", "--interval", "0").returncode == 2
    assert run(tmp_path, "tree", "--watch", "--endpoint", "here").returncode == 2
