"""Whether a `Policy` attribute may be kept: its form and size. Who may do what by it is judged elsewhere.

Source: SQS developer guide, "Quotas related to policies".
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

BYTES_MAX = 8_192
STATEMENTS_MAX = 20
PRINCIPALS_MAX = 50
CONDITIONS_MAX = 10
ACTIONS_MAX = 7
"""Of one statement."""


def policy_fits(text: str) -> bool:
    """A JSON object within all limits."""
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        return False
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(parsed, dict):
        return False
    statements = list(_statements(cast("dict[str, Any]", parsed)))
    return (
        len(statements) <= STATEMENTS_MAX
        and sum(_principals(one) for one in statements) <= PRINCIPALS_MAX
        and sum(_conditions(one) for one in statements) <= CONDITIONS_MAX
        and all(len(_listed(one.get("Action"))) <= ACTIONS_MAX for one in statements)
    )


def _statements(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for statement in _listed(policy.get("Statement")):
        if isinstance(statement, dict):
            yield cast("dict[str, Any]", statement)


def _listed(value: object) -> Sequence[Any]:
    """One thing or a list of them."""
    if value is None:
        return ()
    return cast("Sequence[Any]", value) if isinstance(value, list) else (value,)


def _principals(statement: dict[str, Any]) -> int:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return sum(len(_listed(value)) for value in cast("dict[str, Any]", principal).values())
    return len(_listed(principal))


def _conditions(statement: dict[str, Any]) -> int:
    condition = statement.get("Condition")
    if not isinstance(condition, dict):
        return 0
    return sum(
        len(cast("dict[str, Any]", operands)) if isinstance(operands, dict) else 1
        for operands in cast("dict[str, Any]", condition).values()
    )
