"""How a node logs: structlog events with fields, to standard error; nothing for each message."""

import logging
import sys
from contextlib import suppress

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from runtime.config import LogFormat


def configure(format_: LogFormat) -> None:
    """Once, by the command line; a program that embeds a system configures structlog as it likes."""
    as_json = format_ is LogFormat.JSON
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # frames without their locals: these hold bodies, handles and keys
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
            if as_json
            else structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Lines(),
    )


class _Lines:
    """What structlog writes to: standard error, looked up for each line, since a captured test's is closed behind it.

    A line that it does not take is lost, and nothing else: a full disk below a log file, or a reader of a pipe
    that has left, must not end a node.
    """

    def msg(self, line: str) -> None:
        with suppress(AttributeError, OSError, ValueError):  # AttributeError: the process has none
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure_unless_done() -> None:
    """A program that has not configured structlog gets these lines too.

    Its own default is every debug line on standard output, and tracebacks that show locals.
    """
    if not structlog.is_configured():
        configure(LogFormat.TEXT)
