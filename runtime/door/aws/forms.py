"""A form (`Entry.1.Id=a&Entry.2.Id=b`) as flat text, then as the tree that its dotted names describe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from runtime.door.aws import errors

FIELDS_MAX = 4_096
"""Ten messages with ten attributes each have 400 fields."""
DEPTH_MAX = 12
"""Parts of a dotted name; `Entry.1.MessageAttribute.2.Value.StringValue` has six."""
INDEX_DIGITS_MAX = 9


@dataclass(slots=True)
class Node:
    """What stands under one part of a name: its own value, if any, and what is below."""

    value: str | None = None
    below: "dict[str, Node]" = field(default_factory=dict[str, "Node"])

    def items(self) -> "list[Node]":
        """The nodes below that are numbered, in the numbers' order; gaps are closed."""
        numbered = [
            (int(part), node)
            for part, node in self.below.items()
            if part.isascii() and part.isdecimal() and len(part) <= INDEX_DIGITS_MAX
        ]
        return [node for _, node in sorted(numbered, key=lambda pair: pair[0])]


def decode(text: str) -> dict[str, str]:
    """The fields of a query string or a form; of a repeated one the last. Raises WireError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:  # not UTF-8, or too many
        raise errors.malformed_query("The query string is not UTF-8, or has too many fields.") from error
    return dict(pairs)


def tree(form: Mapping[str, str]) -> Node:
    """The tree of the dotted names. Raises WireError for one that is too deep."""
    root = Node()
    for name, value in form.items():
        parts = name.split(".", DEPTH_MAX)
        if len(parts) > DEPTH_MAX:
            raise errors.malformed_query("A parameter's name has too many parts.")
        node = root
        for part in parts:
            node = node.below.setdefault(part, Node())
        node.value = value
    return root
