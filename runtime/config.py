"""A node's settings: read once, checked, passed down; nothing else looks at the environment."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runtime.passivation import ACTIVE_LIMIT


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class Settings(BaseModel):
    """What `callboard up` takes, as options or as CALLBOARD_... in the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 4_566
    """0: the kernel chooses."""
    data: Path | None = Path("callboard-data")
    """Folder of the embedded store; None: in memory."""
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] = "000000000000"
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "us-east-1"
    credentials: Path | None = None
    """AWS shared credentials file; None: any signature is accepted."""
    allow_reset: bool = False
    allow_faults: bool = False
    """Serve `/_callboard/faults`, where faults are injected on purpose; else there is nothing of it."""
    faults: Path | None = None
    """Rules to start with; it allows faults too."""
    faults_token: str | None = None
    """Who changes faults must know it; None: only who is on this machine can."""
    log_format: LogFormat = LogFormat.TEXT
    drain: Annotated[float, Field(ge=0)] = 10.0
    """Seconds for connections, and then for actors, to end in an orderly stop."""
    active_limit: Annotated[int, Field(ge=1)] = ACTIVE_LIMIT
    """Actors activated by their address that live at once; above it those that nobody has used for longest go."""
    trace_sample: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the traces that begin here which are followed; None: tracing is off, and costs nothing."""
    otlp_endpoint: str | None = None
    """OpenTelemetry collector that the followed ones are sent to."""
