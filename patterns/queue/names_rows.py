"""How the names are kept: `name/<name>` for each, `gone/<name>` for a deleted one under the 60-second rule."""

import json

from actors.durable import Delete, Put, Write
from patterns.queue.messages import OpenQueue
from patterns.queue.names import Entry, Gone, NamesChange, Status

NAMES = "name/"
GONE = "gone/"
VERSION = 1


def names_writes_of(change: NamesChange) -> list[Write]:
    """The rows that `change` writes."""
    match change:
        case Entry():
            fields = [change.status.value, change.targets, change.redrive_allow_policy]
            value = json.dumps([VERSION, *fields, change.opening.model_dump()]).encode()
            return [Put(NAMES + change.name, value), Delete(GONE + change.name)]
        case Gone(name, None):
            return [Delete(NAMES + name)]
        case Gone(name, at):
            return [Delete(NAMES + name), Put(GONE + name, json.dumps([VERSION, at]).encode())]


def names_change_of(key: str, value: bytes) -> NamesChange:
    """What a row keeps, for `Names.restored`."""
    version, *fields = json.loads(value)
    assert version == VERSION, f"a row of the names of version {version}"
    if key.startswith(GONE):
        return Gone(key[len(GONE) :], fields[0])
    status, targets, allow, opening = fields
    if isinstance(targets, str):  # of 0.1.0: the only one
        targets = [targets] if targets else []
    return Entry(key[len(NAMES) :], Status(status), OpenQueue.model_validate(opening), tuple(targets), allow)
