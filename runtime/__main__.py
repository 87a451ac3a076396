"""`callboard`, and `python -m runtime`: Ctrl-C ends a command at once, before anything heavy is imported.

The imports take half a second, in which Python's own handler would print a traceback of wherever they are. So
this file and `runtime/__init__.py` import nothing of ours when they are imported. A running node hears signals itself.
"""

import os
import signal


def main() -> None:
    """The command line, from its first moment."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    from runtime.cli import main as commands  # noqa: PLC0415 -- what takes the half second

    commands()


def _end_at_once(number: int, _frame: object) -> None:
    os._exit(128 + number)  # nothing has begun that a kill could harm


if __name__ == "__main__":
    main()
