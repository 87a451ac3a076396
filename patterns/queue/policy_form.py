"""Whether a `Policy` attribute may be kept: its form and size. Who may do what by it is judged elsewhere.

Source: SQS developer guide, "Quotas related to policies".
"""

from collections.abc import Sequence
from typing import Any, cast

from patterns.queue.json_map import json_map

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
    policy = json_map(text)
    statements = None if policy is None else _statements(policy)
    if statements is None:
        return False
    return (
        len(statements) <= STATEMENTS_MAX
        and sum(_principals(one) for one in statements) <= PRINCIPALS_MAX
        and sum(_conditions(one) for one in statements) <= CONDITIONS_MAX
        and all(len(_listed(one.get("Action"))) <= ACTIONS_MAX for one in statements)
    )


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]] | None:
    """None: one of them is no map."""
    listed = _listed(policy.get("Statement"))
    if not all(isinstance(statement, dict) for statement in listed):
        return None
    return cast("list[dict[str, Any]]", listed)


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
