"""`callboard up`, `tree`, `stuck`, `why`, `check`, `actor graph`, `lab`, `version`: the commands.

Exit codes: 0 an orderly end, 1 the node could not start or has failed, or `check` has found what it cannot read, 2 a wrong option, 130 cut short by a second
Ctrl-C, or by one before the node had started (`__main__.py`).
"""

import errno
import gc
import http.client
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import click
import structlog
import trio
from pydantic import ValidationError
from rich.console import Console

from runtime.check import check
from runtime.config import LogFormat, Settings
from runtime.door.aws.credentials import BadCredentials, Credentials
from runtime.faults.refusal import BadFaults
from runtime.graph import actor
from runtime.lab.cli import lab
from runtime.node import Node, open_node
from runtime.observe import live, logs
from runtime.observe.stuck import as_text as stuck_as_text
from runtime.observe.tracing import Exporter
from runtime.observe.tree import as_text
from runtime.observe.why import as_text as why_as_text
from runtime.passivation import ACTIVE_LIMIT
from runtime.pattern import Pattern, installed_patterns
from runtime.store.port import StoreInUse, StoreTooNew, StoreUnusable

log = structlog.get_logger("callboard.node")
SWITCH_INTERVAL = 0.000_5
"""Seconds. With a writer thread beside a busy loop it took the commit of 100 from 13 ms to 4 ms at the median."""

GC_THRESHOLDS = (20_000, 20, 50)
"""A send makes about a hundred containers, none of them in a cycle: looked for less often, 20 % more requests a second."""


class CannotStart(click.ClickException):
    """One clear line, no traceback; exit code 1."""


@click.group()
def main() -> None:
    """An actor runtime on Trio, and application-integration services built on it as actors."""


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, envvar="CALLBOARD_HOST", help="Address to listen on."
)
@click.option(
    "--port", default=4_566, show_default=True, envvar="CALLBOARD_PORT", help="0: the kernel chooses."
)
@click.option(
    "--data", default="callboard-data", show_default=True, envvar="CALLBOARD_DATA", help="Data folder."
)
@click.option("--memory", is_flag=True, envvar="CALLBOARD_MEMORY", help="Keep nothing on disk.")
@click.option(
    "--account",
    default="0" * 12,
    show_default=True,
    envvar="CALLBOARD_ACCOUNT",
    help="Account of callers who name none.",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    envvar="CALLBOARD_REGION",
    help="Region of callers who name none.",
)
@click.option(
    "--credentials",
    envvar="CALLBOARD_CREDENTIALS",
    help="AWS credentials file; without it any signature is accepted.",
)
@click.option(
    "--allow-reset",
    is_flag=True,
    envvar="CALLBOARD_ALLOW_RESET",
    help="Serve POST /_callboard/reset, which empties everything.",
)
@click.option(
    "--faults",
    type=click.Path(dir_okay=False),
    envvar="CALLBOARD_FAULTS",
    help="File of fault rules to arm; allows faults.",
)
@click.option(
    "--allow-faults",
    is_flag=True,
    envvar="CALLBOARD_ALLOW_FAULTS",
    help="Serve /_callboard/faults and /_callboard/experiments, which break things on purpose.",
)
@click.option(
    "--faults-token",
    envvar="CALLBOARD_FAULTS_TOKEN",
    help="Bearer token for these; without one they are for this machine alone.",
)
@click.option(
    "--log-format",
    type=click.Choice([one.value for one in LogFormat]),
    default="text",
    show_default=True,
    envvar="CALLBOARD_LOG_FORMAT",
    help="On standard error.",
)
@click.option(
    "--active-limit",
    type=int,
    default=ACTIVE_LIMIT,
    show_default=True,
    envvar="CALLBOARD_ACTIVE_LIMIT",
    help="Queues and other addressed actors in memory at once; above it the least recently used go.",
)
@click.option(
    "--trace-sample",
    type=float,
    envvar="CALLBOARD_TRACE_SAMPLE",
    help="Follow this share of the requests, 0 to 1: GET /_callboard/trace.",
)
@click.option(
    "--otlp-endpoint",
    envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
    help="Send what is followed there too, such as http://127.0.0.1:4318.",
)
def up(memory: bool, data: str, **options: Any) -> None:  # noqa: FBT001 -- click calls it by name
    """Run a node until Ctrl-C or SIGTERM."""
    if not data:
        raise click.UsageError("--data is a folder, not the empty text; --memory keeps nothing")
    try:
        settings = Settings(data=None if memory else Path(data), **options)
        credentials = _credentials(settings.credentials)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise click.UsageError(f"--{option}: {first['msg']}") from None
    collector = _collector(settings)
    logs.configure(settings.log_format)
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with collector as exporter:
            trio.run(_up, settings, installed_patterns(), credentials, exporter)
    except BaseExceptionGroup as group:
        raise _start_error(group, settings) or group from None
    except (OSError, StoreInUse, StoreTooNew, StoreUnusable, BadFaults) as error:
        raise _start_error(error, settings) or error from None


async def _up(
    settings: Settings, patterns: list[Pattern], credentials: Credentials | None, exporter: Exporter | None
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with open_node(settings, patterns, credentials, exporter) as node:
            click.echo(_welcome(node, settings, patterns))
            async for _ in signals:
                break
            log.info("stopping", hint="what is under way is finished; Ctrl-C again ends at once")
            signal.signal(signal.SIGINT, _end_at_once)
            signal.signal(signal.SIGTERM, _end_at_once)
    log.info("stopped")


def _end_at_once(_number: int, _frame: object) -> None:
    os._exit(130)  # what was answered is on the disk


def _welcome(node: Node, settings: Settings, patterns: list[Pattern]) -> str:
    where = "in memory: nothing is kept" if settings.data is None else str(settings.data.resolve())
    served = ", ".join(sorted(service.model for pattern in patterns for service in pattern.services))
    rules = "" if node.faults is None else f"\n  Faults     {_faults(node)}"
    return f"""
  Callboard {metadata.version("callboard")}

  Endpoint   {node.url}   ({served}, sts)
  Data       {where}
  Tree       callboard tree --endpoint {node.url}{rules}

  Try        export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={settings.region}
             aws --endpoint-url {node.url} sqs create-queue --queue-name orders

  Ctrl-C stops it.
"""


def _faults(node: Node) -> str:
    assert node.faults is not None
    armed = len(node.faults.live.faults.rules)
    return f"allowed, {armed} rules armed: {node.url}/_callboard/faults"


def _credentials(path: Path | None) -> Credentials | None:
    if path is None:
        return None
    try:
        return Credentials.parse(path.read_text(encoding="utf-8"))
    except (OSError, BadCredentials, UnicodeDecodeError) as error:
        raise CannotStart(f"--credentials {path}: {error}") from None


def _collector(settings: Settings) -> AbstractContextManager[Exporter | None]:
    if settings.trace_sample is None or settings.otlp_endpoint is None:
        return nullcontext()
    try:
        from runtime.observe.otlp import collector  # noqa: PLC0415 -- an extra, looked for when it is asked for
    except ImportError:
        raise CannotStart("--otlp-endpoint needs OpenTelemetry: pip install 'callboard[otel]'") from None
    return collector(settings.otlp_endpoint)


def _start_error(error: BaseException, settings: Settings) -> CannotStart | None:
    """The one line for what a user can mend; None: a failure that deserves its traceback."""
    while isinstance(error, BaseExceptionGroup):
        leaves: list[BaseException] = list(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        if len(leaves) > 1:
            return None
        error = leaves[0]
    if isinstance(error, StoreInUse | StoreTooNew | StoreUnusable | BadFaults):
        return CannotStart(str(error))
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.EADDRINUSE:
        return CannotStart(f"port {settings.port} on {settings.host} is in use; choose another with --port")
    if error.filename is None:  # of a file it would have a name
        return CannotStart(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}")
    return CannotStart(f"data folder {settings.data}: {error.strerror or error}")


_endpoint = click.option(
    "--endpoint",
    default="http://127.0.0.1:4566",
    show_default=True,
    envvar="CALLBOARD_ENDPOINT",
    help="Of the running node.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="As the node gives it.")


@main.command()
@_endpoint
@_as_json
@click.option("--watch", is_flag=True, help="Show it live, until Ctrl-C: slow handlers and hot actors too.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between two looks of --watch.",
)
def tree(endpoint: str, as_json: bool, watch: bool, interval: float) -> None:  # noqa: FBT001
    """Print the supervision tree of a running node."""
    if watch:
        if as_json:
            raise click.UsageError("--watch shows a tree, --json prints one: choose")
        _checked(endpoint)
        with _single_errors():
            trio.run(_watch, endpoint, interval)
        return
    found = _page(endpoint, "tree")
    click.echo(json.dumps(found, indent=2) if as_json else as_text(found))


@main.command()
@_endpoint
@_as_json
def stuck(endpoint: str, as_json: bool) -> None:  # noqa: FBT001
    """Print who waits for whom in a running node, and whose askers are held back."""
    found = _page(endpoint, "stuck")
    click.echo(json.dumps(found, indent=2) if as_json else stuck_as_text(found))


@main.command()
@click.argument("address")
@_endpoint
@_as_json
def why(address: str, endpoint: str, as_json: bool) -> None:  # noqa: FBT001
    """Print what the actor at ADDRESS waits for, at which line, and who stands behind that."""
    found = _page(endpoint, f"why?{urlencode({'address': address})}")
    click.echo(json.dumps(found, indent=2) if as_json else why_as_text(found, address))


async def _watch(endpoint: str, interval: float) -> None:
    def look(lines: int) -> live.Look:
        try:
            return live.Look(_page(endpoint, f"tree?lines={lines}"), _page(endpoint, "hot"))
        except CannotStart as error:
            raise live.NoNode(error.message) from None

    async def fetch(lines: int) -> live.Look:
        return await trio.to_thread.run_sync(look, lines, abandon_on_cancel=True)

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(live.watch, fetch, Console(), name=endpoint, interval=interval))
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()


@contextmanager
def _single_errors() -> Generator[None]:
    """An error that a nursery has wrapped leaves as itself: of a closed pipe, click knows what to do."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors: tuple[BaseException, ...] = group.exceptions
        if len(errors) == 1:
            raise errors[0] from None
        raise


def _checked(endpoint: str) -> str:
    if not endpoint.startswith(("http://", "https://")):
        raise click.UsageError(f"--endpoint is http://host:port, not {endpoint}")
    return endpoint.rstrip("/")


def _page(endpoint: str, name: str) -> Any:
    try:
        with urllib.request.urlopen(f"{_checked(endpoint)}/_callboard/{name}", timeout=10) as answer:  # noqa: S310 -- checked above
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            said = refused.read(500).decode(errors="replace")
        raise CannotStart(f"{endpoint} answers {refused.code}: {said}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotStart(f"no node answers at {endpoint}: {error}") from None


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(metadata.version("callboard"))


main.add_command(check)
main.add_command(actor)
main.add_command(lab)
