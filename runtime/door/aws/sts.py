"""As much of STS as clients ask before they start: who am I. It has no state, so the door answers it itself."""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.door.service import Call, Service

STS = Service(model="sts", operations={}, errors={}, constraints=False)


def get_caller_identity(call: Call) -> Mapping[str, Any]:
    """Account, ARN and id; a root user's id is the account."""
    _, _, user = call.principal.rpartition(":user/")
    return {
        "Account": call.account,
        "Arn": call.principal,
        "UserId": user if ":user/" in call.principal else call.account,
    }


STS_LOCAL: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {"GetCallerIdentity": get_caller_identity}
