"""Signature Version 4: was this request signed by a key that we know, a moment ago, and not touched since?

Source: AWS IAM user guide, "Create a signed AWS API request". As of all services but S3, the path is encoded a
second time, and the body's hash is always the body's: UNSIGNED-PAYLOAD is S3's alone.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from posixpath import normpath
from urllib.parse import quote, unquote

from runtime.door.aws import errors
from runtime.door.aws.credentials import AccessKey, Credentials
from runtime.door.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_MAX = 300
"""Seconds between a request's date and now."""
EXPIRES_MAX = 604_800
"""Seconds that a presigned request may live: a week."""
CREDENTIAL_MAX = 512
"""Characters of an Authorization header in which its credential must end."""
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_UNRESERVED = "-_.~"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Scope:
    """A credential as it stands in a signature: `AKID/20250101/us-east-1/sqs/aws4_request`."""

    key_id: str = ""
    day: str = ""
    region: str = ""
    service: str = ""

    @property
    def text(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about its signature, not yet believed."""

    scope: Scope
    signed_headers: str
    value: str
    date: str
    expires: int | None
    """Seconds; None unless presigned."""


@lru_cache(maxsize=1_024)
def scope_of(credential: str) -> Scope:
    """The parts of a credential; an empty Scope if it is none. A key id may hold slashes, the rest cannot."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        return Scope()
    return Scope(*parts[:4])


@lru_cache(maxsize=1_024)
def header_scope(before_comma: str) -> Scope:
    """The scope in an Authorization header, of which `before_comma` is the first part."""
    return scope_of(before_comma.partition("Credential=")[2].strip())


def credential_part(header: str) -> str:
    """The first part of an Authorization header, short enough to be remembered."""
    return header[:CREDENTIAL_MAX].partition(",")[0]


def claimed_scope(request: Request) -> Scope:
    """What the request claims to be signed for, unverified: it tells region and service."""
    header = request.headers.get("authorization")
    if header is not None:
        return header_scope(credential_part(header))
    if "X-Amz-Credential=" in request.query:
        return scope_of(dict(_query_pairs(request.query)).get("X-Amz-Credential", ""))
    return Scope()


def verify(request: Request, credentials: Credentials, wall: float) -> AccessKey:
    """The key that signed the request. `wall` is the calendar's time. Raises WireError."""
    signature = _signature(request)
    key = credentials.keys.get(signature.scope.key_id)
    if key is None:
        raise errors.unknown_key()
    _check_time(signature, wall)
    canonical = canonical_request(request, signature)
    digest = sha256(canonical.encode("utf-8", "replace")).hexdigest()
    text = f"{ALGORITHM}\n{signature.date}\n{signature.scope.text}\n{digest}"
    wanted = hmac.new(_signing_key(key.secret, signature.scope), text.encode(), sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), signature.value.encode("utf-8", "replace")):
        raise errors.wrong_signature(_MISMATCH)
    return key


# --- what the request says --------------------------------------------------------------------------------


def _signature(request: Request) -> Signature:
    header = request.headers.get("authorization")
    if header is not None:
        return _from_header(header, request.headers)
    presigned = dict(_query_pairs(request.query))
    if "X-Amz-Signature" not in presigned:
        raise errors.missing_token()
    return _from_query(presigned)


def _from_header(header: str, headers: Mapping[str, str]) -> Signature:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise errors.incomplete_signature(f"Unsupported AWS 'algorithm': '{algorithm[:64]}'.")
    halves = (part.strip().partition("=") for part in rest.split(","))
    parts = {name: value for name, _, value in halves}
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise errors.incomplete_signature(f"Authorization header requires '{name}' parameter.")
    date = headers.get("x-amz-date") or headers.get("date", "")
    if not date:
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise errors.incomplete_signature(text)
    return _signature_of(parts["Credential"], parts["SignedHeaders"], parts["Signature"], date, None)


def _from_query(given: Mapping[str, str]) -> Signature:
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders"):
        if not given.get(f"X-Amz-{name}"):
            raise errors.incomplete_signature(f"AWS query-string parameters must include 'X-Amz-{name}'.")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise errors.incomplete_signature("Unsupported AWS 'algorithm'.")
    expires = given["X-Amz-Expires"]
    if not re.fullmatch("[0-9]{1,6}", expires) or not 1 <= int(expires) <= EXPIRES_MAX:
        raise errors.incomplete_signature(f"X-Amz-Expires must be between 1 and {EXPIRES_MAX} seconds.")
    return _signature_of(
        given["X-Amz-Credential"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
        given["X-Amz-Date"],
        int(expires),
    )


def _signature_of(
    credential: str, signed_headers: str, value: str, date: str, expires: int | None
) -> Signature:
    scope = scope_of(credential)
    if not scope.key_id:
        raise errors.incomplete_signature("Credential must have exactly 5 slash-delimited elements.")
    if not _DATE.fullmatch(date):
        raise errors.incomplete_signature("Date must be in ISO-8601 'basic format'.")
    if "host" not in signed_headers.split(";"):
        raise errors.wrong_signature("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return Signature(scope, signed_headers, value, date, expires)


# --- time -------------------------------------------------------------------------------------------------


def _check_time(signature: Signature, wall: float) -> None:
    if signature.scope.day != signature.date[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        raise errors.wrong_signature(text)
    try:
        signed = datetime.strptime(signature.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise errors.incomplete_signature("Date must be in ISO-8601 'basic format'.") from error
    if signed > wall + SKEW_MAX:
        limit, now = _basic(wall + SKEW_MAX), _basic(wall)
        text = f"Signature not yet current: {signature.date} is still later than {limit} ({now} + 5 min.)"
        raise errors.wrong_signature(text)
    if signature.expires is not None:
        if wall > signed + signature.expires:
            raise errors.expired()
    elif signed < wall - SKEW_MAX:
        limit, now = _basic(wall - SKEW_MAX), _basic(wall)
        text = f"Signature expired: {signature.date} is now earlier than {limit} ({now} - 5 min.)"
        raise errors.wrong_signature(text)


def _basic(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


# --- the canonical request --------------------------------------------------------------------------------


def canonical_request(request: Request, signature: Signature) -> str:
    """The text that was signed, if nobody touched the request."""
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in signature.signed_headers.split(";")
    )
    body = sha256(request.body).hexdigest()
    path, query = _canonical_path(request.path), _canonical_query(request.query)
    return f"{request.method}\n{path}\n{query}\n{headers}\n{signature.signed_headers}\n{body}"


def _canonical_path(path: str) -> str:
    # normpath keeps two leading slashes, as POSIX says, and drops the last one, which counts here
    normal = "/" + normpath(path or "/").lstrip("/")
    if path.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = sorted(
        (
            quote(name, safe=_UNRESERVED, errors="surrogateescape"),
            quote(value, safe=_UNRESERVED, errors="surrogateescape"),
        )
        for name, value in _query_pairs(query)
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _query_pairs(query: str) -> list[tuple[str, str]]:
    """Decoded, repeated names and empty values kept; bytes that are no UTF-8 survive."""
    halves = (part.partition("=") for part in query.split("&") if part)
    return [(_decoded(name), _decoded(value)) for name, _, value in halves]


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "), errors="surrogateescape")


@lru_cache(maxsize=256)
def _signing_key(secret: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode("utf-8", "replace"), sha256).digest()
    return key
