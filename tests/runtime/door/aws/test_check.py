"""The model's constraints, tried on STS: its model has lengths, ranges, patterns and enums."""

from typing import Any

import pytest

from runtime.door.aws.check import compile_check
from runtime.door.aws.model import Model
from runtime.door.service import Service, WireError

MODEL = Model("sts")
SERVICE = Service("sts", {}, {})
ROLE: dict[str, Any] = {"RoleArn": "arn:aws:iam::000000000000:role/r", "RoleSessionName": "name"}


def problem(given: dict[str, Any], service: Service = SERVICE) -> str:
    with pytest.raises(WireError) as caught:
        compile_check(service, MODEL, "AssumeRole")(given)
    assert (caught.value.status, caught.value.shape) == (400, "ValidationException")
    return caught.value.message


def test_an_input_within_its_constraints_passes() -> None:
    compile_check(SERVICE, MODEL, "AssumeRole")({**ROLE, "Tags": [{"Key": "k", "Value": ""}]})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {**ROLE, "RoleSessionName": "n"},
            "Value 'n' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        (
            {**ROLE, "DurationSeconds": 43_201},
            "Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
        (
            {**ROLE, "TokenCode": "abcdef"},
            "Value 'abcdef' at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\d]*",
        ),
        (
            {**ROLE, "Tags": [{"Key": "k", "Value": ""}, {"Value": ""}]},
            "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"RoleArn": ROLE["RoleArn"]},
            "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_a_violation_is_named_in_the_services_words(given: dict[str, Any], text: str) -> None:
    assert problem(given) == f"1 validation error detected: {text}"


def test_all_violations_are_named_at_once() -> None:
    assert problem({}).startswith("2 validation errors detected: Value null at 'roleArn'")


def test_a_service_without_constraints_still_wants_its_required_members() -> None:
    service = Service("sts", {}, {}, constraints=False)
    compile_check(service, MODEL, "AssumeRole")({**ROLE, "RoleSessionName": "n"})
    assert "roleSessionName" in problem({"RoleArn": "r"}, service)
