"""What each wire protocol does for the door: parse one operation's input, render its output, refuse."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from runtime.door.http import Request, Response
from runtime.door.service import WireError

Parse = Callable[[Request, Mapping[str, str], str], Mapping[str, Any]]
"""(request, its form as decoded for routing, base URL) -> the input by member names. Raises WireError."""
Render = Callable[[Mapping[str, Any], str], Response]
"""(output by member names, request id) -> the response. A member that is None is left out."""


class Codec(Protocol):
    """One service in one protocol. Parsers and renderers are compiled: fetch them once for each operation."""

    name: str

    def parser(self, operation: str) -> Parse: ...
    def renderer(self, operation: str) -> Render: ...
    def refuse(self, error: WireError, request_id: str) -> Response: ...


def readable(text: str) -> str:
    """`text` without lone surrogates, which cannot be encoded: a header's raw bytes may have brought some."""
    return text.encode("utf-8", "replace").decode()
