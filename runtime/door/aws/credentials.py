"""Access keys and their secrets, in the format of the AWS shared credentials file.

[alice]
aws_access_key_id = AKIAALICE
aws_secret_access_key = wJalr...
account = 111111111111
"""

import re
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field

_ACCOUNT = re.compile(r"[0-9]{12}")


class BadCredentials(ValueError):
    """The text is no credentials file; the message names the profile and what it lacks, never a secret."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One profile. `account` is empty where the file names none: then the node's own."""

    key_id: str
    profile: str
    secret: str = field(repr=False)
    account: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The access keys that may sign, by their ids."""

    keys: Mapping[str, AccessKey] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Credentials":
        """Raises BadCredentials."""
        parser = RawConfigParser(strict=True)
        try:
            parser.read_string(text)
        except Error:
            # the parser's own text quotes the line, which may be the secret's
            raise BadCredentials("the credentials file is not of [profile] and name = value lines") from None
        found = [_access_key(profile, dict(parser.items(profile))) for profile in parser.sections()]
        if not found:
            raise BadCredentials("the credentials file has no profile, so that no request could be signed")
        if len({key.key_id for key in found}) < len(found):
            raise BadCredentials("two profiles of the credentials file have the same aws_access_key_id")
        return cls({key.key_id: key for key in found})


def _access_key(profile: str, values: Mapping[str, str]) -> AccessKey:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        if not values.get(name):
            raise BadCredentials(f"profile {profile} of the credentials file has no {name}")
    account = values.get("account", "")
    if account and not _ACCOUNT.fullmatch(account):
        raise BadCredentials(f"profile {profile} of the credentials file: account is not 12 digits")
    return AccessKey(values["aws_access_key_id"], profile, values["aws_secret_access_key"], account)
