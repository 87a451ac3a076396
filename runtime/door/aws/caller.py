"""Who calls, of which account, in which region, by which URL: what a request's headers say.

Region: that of the credential scope, else one in the host's name, else the node's. Account: that of the configured
key, else an access key id of twelve digits, else the node's.
"""

import re
from dataclasses import dataclass

from runtime.door.aws.credentials import AccessKey
from runtime.door.aws.sigv4 import Scope

_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_ACCOUNT = re.compile(r"[0-9]{12}")
HOST_MAX = 256
"""Characters of a Host header that can be a name, a colon and a port."""
_HOST = re.compile(r"[A-Za-z0-9._~\-\[\]:]{1,255}")
_NO_HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Caller:
    """See `Call`."""

    account: str
    region: str
    base_url: str
    principal: str


def caller(scope: Scope, key: AccessKey | None, origin: tuple[str, str], home: tuple[str, str]) -> Caller:
    """`origin` is (scheme, Host header), `home` the node's (account, region)."""
    scheme, host = origin
    region = scope.region if _REGION.fullmatch(scope.region) else region_in(host) or home[1]
    account = _account(scope, key, home[0])
    user = "root" if key is None else f"user/{key.profile}"
    principal = f"arn:{partition(region)}:iam::{account}:{user}"
    known_host = host if _HOST.fullmatch(host) else _NO_HOST
    return Caller(account, region, f"{scheme}://{known_host}", principal)


def region_in(host: str) -> str:
    """The region that a host's name holds (`sqs.eu-west-1.amazonaws.com`, `eu-west-1.queue...`); else empty."""
    return next((label for label in host.split(".")[:-1] if _REGION.fullmatch(label)), "")


def partition(region: str) -> str:
    """The first part of an ARN in that region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _account(scope: Scope, key: AccessKey | None, home: str) -> str:
    if key is not None and key.account:
        return key.account
    return scope.key_id if _ACCOUNT.fullmatch(scope.key_id) else home
