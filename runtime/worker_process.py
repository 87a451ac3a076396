"""The other end of `workers.MachineWorkers.process`: one job after the other from stdin, until it is closed."""

import os
import signal
import sys
from typing import BinaryIO

from runtime.workers import HEAD, answer_to


def main() -> None:
    """Work until nobody asks any more."""
    # Ctrl-C goes to the whole terminal; the node ends its workers itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the work prints must not come between the answers
    while job := _frame(sys.stdin.buffer):
        answer = answer_to(job)
        answers.write(len(answer).to_bytes(HEAD, "big") + answer)
        answers.flush()


def _frame(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(HEAD), "big"))


if __name__ == "__main__":
    main()
