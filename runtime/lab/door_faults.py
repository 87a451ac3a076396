"""What goes wrong at the AWS door, aimed: at an operation, before its effect or after it.

`after` is what no proxy can aim at: the commit stands and its answer is here, but the client never sees it, and its retry
is a duplicate. What a fault does to a connection is what a crashed balancer or a lost route does to it.
"""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

from runtime.door.service import Call, Operation, Service, WireError
from runtime.lab.network import End

CONNECTION: ContextVar[End] = ContextVar("connection")
"""The connection whose requests the running task answers."""


@dataclass(slots=True)
class DoorFault:
    """The next `times` requests for `operation` (`*`: any) end with it.

    `error`: a refusal with `code` and `status`; `reset`: the connection is reset; `silence`: no answer ever comes, and
    the client runs into its read timeout.
    """

    kind: Literal["error", "reset", "silence"]
    operation: str = "*"
    after: bool = False
    """The effect has happened, and is durable."""
    times: int = 1
    code: str = "ThrottlingException"
    status: int = 400
    met: int = 0
    """Requests that have met it."""


class DoorFaults(list[DoorFault]):
    """The faults of a node's door, looked at in their order; the first that fits is met."""

    def around(self, service: Service) -> Service:
        """The service with these faults in front of it and behind it."""
        operations = {name: self._around(name, operation) for name, operation in service.operations.items()}
        return replace(service, operations=operations)

    def _around(self, name: str, operation: Operation[Any]) -> Operation[Any]:
        def message(call: Call) -> Any:
            self._meet(name, after=False)
            return operation.message(call)

        def output(reply: Any, call: Call) -> Any:
            self._meet(name, after=True)
            return operation.output(reply, call)

        return replace(operation, message=message, output=output)

    def _meet(self, operation: str, *, after: bool) -> None:
        for fault in self:
            if fault.after == after and fault.operation in {"*", operation} and fault.met < fault.times:
                fault.met += 1
                _happen(fault)


def _happen(fault: DoorFault) -> None:
    if fault.kind == "reset":
        CONNECTION.get().reset()
    elif fault.kind == "silence":
        CONNECTION.get().lose()
    # what is answered over a connection that is gone reaches nobody
    raise WireError(
        fault.code, fault.status, message="injected", fault="Receiver" if fault.status >= 500 else "Sender"
    )
