"""How a node logs: structlog events with fields, to standard error; nothing for each message."""

import logging
import sys

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
        # looked up for each line: who configured first may have had one that was closed since (a captured test)
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def configure_unless_done() -> None:
    """A program that has not configured structlog gets these lines too.

    Its own default is every debug line on standard output, and tracebacks that show locals.
    """
    if not structlog.is_configured():
        configure(LogFormat.TEXT)
