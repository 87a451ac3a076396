"""Attributes and tags of a queue: what may be set, what reads back, what counts as the same."""

import json

import pytest

from patterns.queue.attributes import (
    Counts,
    Settings,
    check_same,
    for_new_queue,
    merged,
    shown,
    with_tags,
)
from patterns.queue.errors import InvalidParameterValue, QueueError
from patterns.queue.json_map import json_map
from patterns.queue.redrive import Redrive, RedriveAllow, check_target, parse_allow, parse_redrive
from tests.patterns.queue.kept import FIFO, Kept

DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"
SOURCE = "arn:aws:sqs:us-east-1:000000000000:orders"
REDRIVE = json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 3})


def refused(name: str, given: dict[str, str]) -> str:
    with pytest.raises(QueueError) as caught:
        for_new_queue(name, given)
    return f"{caught.value.query_code}: {caught.value.text}"


def show(attributes: dict[str, str], *names: str) -> dict[str, str]:
    return shown(names, attributes, Counts(1, 2, 3), arn=SOURCE, created_at=1_000.9, modified_at=2_000.0)


def test_a_new_queue_shows_its_defaults() -> None:
    every = {
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "30",
        "SqsManagedSseEnabled": "true",
        "QueueArn": SOURCE,
        "CreatedTimestamp": "1000",
        "LastModifiedTimestamp": "2000",
        "ApproximateNumberOfMessages": "1",
        "ApproximateNumberOfMessagesNotVisible": "2",
        "ApproximateNumberOfMessagesDelayed": "3",
    }
    assert show(for_new_queue("orders", {}), "All") == every
    fifo = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    assert show(for_new_queue("orders.fifo", {"FifoQueue": "true"}), "All") == {**every, **fifo}


def test_every_attribute_that_was_set_reads_back() -> None:
    given = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "DelaySeconds": "900",
        "MaximumMessageSize": "1024",
        "MessageRetentionPeriod": "1209600",
        "ReceiveMessageWaitTimeSeconds": "20",
        "VisibilityTimeout": "43200",
        "KmsMasterKeyId": "alias/key",
        "KmsDataKeyReusePeriodSeconds": "86400",
        "Policy": '{"Version": "2012-10-17", "Statement": []}',
        "RedrivePolicy": REDRIVE,
        "RedriveAllowPolicy": '{"redrivePermission": "denyAll"}',
    }
    attributes = for_new_queue("orders.fifo", given)
    every = show(attributes, "All")
    assert {name: every[name] for name in given} == given
    assert every["SqsManagedSseEnabled"] == "false"
    assert show(attributes, "VisibilityTimeout", "Policy") == {
        "VisibilityTimeout": "43200",
        "Policy": given["Policy"],
    }
    assert show(attributes) == {}
    assert Settings.of(attributes) == Settings(
        900, 1_024, 1_209_600, 20, 43_200, fifo=True, content_dedup=True, dedup_by_group=True,
        redrive=Redrive(DEAD, 3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1_024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43_200),
        ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ],
)
def test_a_number_is_within_its_range(name: str, low: int, high: int) -> None:
    for good in (low, high):
        assert for_new_queue("orders", {name: str(good)})[name] == str(good)
    for bad in (
        str(low - 1),
        str(high + 1),
        "",
        "x",
        "1.5",
        " 1",
        "9" * 400,
        "\N{ARABIC-INDIC DIGIT ONE}" * 3,
    ):
        assert (
            refused("orders", {name: bad})
            == f"InvalidAttributeValue: Invalid value for the parameter {name}."
        )


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "a.fifo", "a/b", "a\n"])
def test_a_name_is_refused(name: str) -> None:
    text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    assert refused(name, {}) == f"InvalidParameterValue: {text}"


@pytest.mark.parametrize("name", ["orders", ".fifo", "x" * 76 + ".fifo", "a.FIFO", "a b.fifo"])
def test_a_fifo_name_is_refused(name: str) -> None:
    text = (
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
        "must end with .fifo suffix and be 1 to 80 in length."
    )
    assert refused(name, {"FifoQueue": "true"}) == f"InvalidParameterValue: {text}"
    assert for_new_queue("x" * 75 + ".fifo", {"FifoQueue": "true"})
    assert for_new_queue("x" * 80, {}) == {}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"Nonsense": "1"}, "InvalidAttributeName: Unknown Attribute Nonsense."),
        ({"QueueArn": "x"}, "InvalidAttributeName: Unknown Attribute QueueArn."),
        ({"All": "x"}, "InvalidAttributeName: Unknown Attribute All."),
        ({"FifoQueue": "false"}, "InvalidAttributeName: Unknown Attribute FifoQueue."),
        ({"FifoQueue": "x"}, "InvalidAttributeValue: Invalid value for the parameter FifoQueue."),
        (
            {"ContentBasedDeduplication": "true"},
            "InvalidAttributeName: Unknown Attribute ContentBasedDeduplication.",
        ),
        (
            {"DeduplicationScope": "queue"},
            "InvalidAttributeName: You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            {"FifoThroughputLimit": "perQueue"},
            "InvalidAttributeName: You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
        ({"SqsManagedSseEnabled": "yes"}, "InvalidAttributeValue: Invalid value for the parameter SqsManagedSseEnabled."),
        ({"Policy": "[]"}, "InvalidAttributeValue: Invalid value for the parameter Policy."),
        ({"Policy": '{"Statement": 5}'}, "InvalidAttributeValue: Invalid value for the parameter Policy."),
        ({"Policy": '{"Statement": [{}, []]}'}, "InvalidAttributeValue: Invalid value for the parameter Policy."),
        ({"Policy": "{"}, "InvalidAttributeValue: Invalid value for the parameter Policy."),
        ({"Policy": '{"a": "' + "x" * 8_192 + '"}'}, "InvalidAttributeValue: Invalid value for the parameter Policy."),
        (
            {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"},
            (
                "InvalidAttributeValue: You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE."
            ),
        ),
    ],
)  # fmt: skip
def test_an_attribute_of_a_standard_queue_is_refused(given: dict[str, str], text: str) -> None:
    assert refused("orders", given) == text


def test_the_type_of_a_queue_never_changes() -> None:
    with pytest.raises(QueueError, match="Reason: Modifying queue type is not supported"):
        merged(FIFO, {"FifoQueue": "false"})
    assert merged(FIFO, {"FifoQueue": "true"}) == FIFO
    with pytest.raises(QueueError, match="Unknown Attribute FifoQueue"):
        merged({}, {"FifoQueue": "true"})


def test_throughput_by_group_needs_deduplication_by_group() -> None:
    with pytest.raises(QueueError) as caught:
        merged(FIFO, {"FifoThroughputLimit": "perMessageGroupId"})
    assert caught.value.text == (
        "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
    )
    both = {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
    with pytest.raises(QueueError):
        merged(merged(FIFO, both), {"DeduplicationScope": "queue"})


def test_an_empty_text_removes_and_a_removed_key_restores_the_queues_own_encryption() -> None:
    before = merged({}, {"KmsMasterKeyId": "k", "RedrivePolicy": REDRIVE, "Policy": "{}"})
    after = merged(before, {"KmsMasterKeyId": "", "RedrivePolicy": "", "Policy": ""})
    assert show(after, "All") == show({}, "All")
    assert merged(before, {"SqsManagedSseEnabled": "true"}).get("KmsMasterKeyId") is None


def test_a_policy_is_within_its_quotas() -> None:
    def policy(**members: object) -> dict[str, str]:
        return {"Policy": json.dumps({"Statement": [members]})}

    assert merged({}, policy(Action=["SQS:*"] * 7, Principal={"AWS": ["1"] * 50}))
    for bad in (
        policy(Action=["SQS:*"] * 8),
        policy(Principal={"AWS": ["1"] * 51}),
        policy(Condition={"StringEquals": {str(i): "x" for i in range(11)}}),
        {"Policy": json.dumps({"Statement": [{}] * 21})},
    ):
        with pytest.raises(QueueError):
            merged({}, bad)


def test_an_unknown_attribute_cannot_be_asked_for() -> None:
    with pytest.raises(QueueError, match="Unknown Attribute Nonsense"):
        show({}, "All", "Nonsense")


def test_a_refused_change_of_attributes_changes_none() -> None:
    kept = Kept()
    with pytest.raises(QueueError):
        kept.queue.set_attributes({"DelaySeconds": "5", "VisibilityTimeout": "-1"}, kept.now)
    assert kept.queue.shown(["DelaySeconds"]) == {"DelaySeconds": "0"}
    kept.advance(10.0)
    kept.keep(kept.queue.set_attributes({"DelaySeconds": "5"}, kept.now))
    assert kept.queue.shown(["DelaySeconds", "CreatedTimestamp", "LastModifiedTimestamp"]) == {
        "DelaySeconds": "5",
        "CreatedTimestamp": "1000",
        "LastModifiedTimestamp": "1010",
    }


def test_a_queue_is_the_same_if_every_given_attribute_equals_its_own() -> None:
    current = for_new_queue("orders", {"DelaySeconds": "5", "RedrivePolicy": REDRIVE})
    as_text = json.dumps({"maxReceiveCount": "3", "deadLetterTargetArn": DEAD})
    for same in (
        {},
        {"DelaySeconds": "5", "VisibilityTimeout": "30"},
        {"RedrivePolicy": as_text},
        {"Policy": ""},
    ):
        check_same(current, same)
    for name, value in (
        ("DelaySeconds", "6"),
        ("VisibilityTimeout", "31"),
        ("RedrivePolicy", ""),
        ("Policy", "{}"),
    ):
        with pytest.raises(QueueError) as caught:
            check_same(current, {name: value})
        assert caught.value.text == (
            f"A queue already exists with the same name and a different value for attribute {name}"
        )


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("x", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        (
            '{"deadLetterTargetArn": "a"}',
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
        ),
        ('{"maxReceiveCount": 1}', "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        *(
            (
                json.dumps({"deadLetterTargetArn": "a", "maxReceiveCount": count}),
                f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
            )
            for count in (0, 1_001, "x", -1, 1.5, "")
        ),
        *(
            (
                json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}),
                "Invalid value for deadLetterTargetArn.",
            )
            for arn in ("", "orders", "arn:aws:sns:us-east-1:000000000000:orders", 7)
        ),
    ],
)  # fmt: skip
def test_a_redrive_policy_is_refused(policy: str, reason: str) -> None:
    with pytest.raises(QueueError) as caught:
        parse_redrive(policy)
    assert caught.value.text == f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"


def test_a_dead_letter_target_exists_has_the_same_type_and_allows_it() -> None:
    def reason(source: str, allow: RedriveAllow | None) -> str:
        with pytest.raises(QueueError) as caught:
            check_target(REDRIVE, source, lambda _: allow)
        return caught.value.text.partition("Reason: ")[2]

    assert check_target(REDRIVE, SOURCE, lambda _: RedriveAllow()) == Redrive(DEAD, 3)
    assert check_target("", SOURCE, lambda _: None) is None
    assert reason(SOURCE, None) == "Dead letter target does not exist."
    assert reason(SOURCE + ".fifo", RedriveAllow()) == (
        "Dead-letter queue must be same type of queue as the source."
    )
    assert reason(SOURCE, RedriveAllow(frozenset()))
    by_queue = parse_allow(json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [SOURCE]}))
    assert check_target(REDRIVE, SOURCE, lambda _: by_queue) is not None
    assert reason(SOURCE + "2", by_queue)


@pytest.mark.parametrize(
    "policy",
    [
        "x",
        "{}",
        '{"redrivePermission": "some"}',
        '{"redrivePermission": []}',
        '{"redrivePermission": {}}',
        '{"redrivePermission": null}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": {"a": "b"}}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": [[]]}',
        '{"redrivePermission": "byQueue"}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": []}',
        '{"redrivePermission": "byQueue", "sourceQueueArns": [1]}',
        '{"redrivePermission": "allowAll", "sourceQueueArns": ["a"]}',
        json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["a"] * 11}),
    ],
)
def test_a_redrive_allow_policy_is_refused(policy: str) -> None:
    with pytest.raises(QueueError, match="for parameter RedriveAllowPolicy is invalid"):
        parse_allow(policy)


@pytest.mark.parametrize("before", ['{"a": ', '{"a": 1, "Statement": {"Condition": '])
def test_a_map_that_nests_deeper_than_32_is_refused_before_anybody_compares_it(before: str) -> None:
    def nested(lists: int) -> str:
        return before + "[" * lists + "]" * lists + "}" * before.count("{")

    room = 32 - before.count("{")
    assert json_map(nested(room)) == json.loads(nested(room))
    assert json_map(nested(room + 1)) is None
    assert json_map(nested(4_000)) is None
    for parse in (parse_redrive, parse_allow):
        with pytest.raises(InvalidParameterValue, match="not a valid JSON map"):
            parse(nested(room + 1))
    assert refused("orders", {"Policy": nested(room + 1)}).startswith("InvalidAttributeValue")


def test_tags_are_added_and_the_last_write_wins() -> None:
    kept = Kept()
    kept.keep(kept.queue.tag({"a": "1", "b": ""}))
    kept.keep(kept.queue.tag({"a": "2"}))
    kept.keep(kept.queue.untag(["b", "absent"]))
    kept.restart()
    assert kept.queue.meta.tags == {"a": "2"}


def test_keys_to_untag_are_judged_like_those_of_tags() -> None:
    for keys in ([], [""], ["k" * 129]):
        with pytest.raises(InvalidParameterValue) as refused:
            Kept().queue.untag(keys)
        assert refused.value.text == "Tag keys must be between 1 and 128 characters in length."


def test_one_call_adds_at_most_fifty_tags() -> None:
    kept = Kept()
    kept.keep(kept.queue.tag({str(number): "" for number in range(50)}))
    kept.keep(kept.queue.tag({"one more": ""}))
    with pytest.raises(InvalidParameterValue) as refused:
        kept.queue.tag({str(number): "" for number in range(51)})
    assert refused.value.text == "Too many tags added for queue orders."


@pytest.mark.parametrize("tags", [{"": "v"}, {"k" * 129: ""}, {"k": "v" * 257}, {"aws:k": "v"}, {"k!": "v"}])
def test_a_tag_is_refused(tags: dict[str, str]) -> None:
    with pytest.raises(QueueError, match="Tag"):
        with_tags({}, tags)


def test_no_tag_is_a_missing_parameter() -> None:
    with pytest.raises(QueueError, match="The request must contain the parameter Tags"):
        with_tags({}, {})
