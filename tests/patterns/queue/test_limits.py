"""Each limit of a message and of a batch, at its edge, with the exact text of SQS."""

import pytest

from patterns.queue.errors import CHARACTERS, InvalidMessageContents, QueueError
from patterns.queue.limits import (
    TRACE_MAX,
    check_attributes,
    check_batch,
    check_batch_size,
    check_message,
    check_receive,
    check_visibility,
    page_size,
)
from patterns.queue.messages import AttributeValue, SendEntry

TEXT = AttributeValue("String", "v")
RESERVED = (
    "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
    "These strings are reserved for internal use. Additionally, they cannot start or end with '.'."
)
FORM = (
    "Message (user) attributes name can only contain upper and lower score characters, digits, periods, "
    "hyphens and underscores. "
)
NO_DEDUP_ID = (
    "The queue should either have ContentBasedDeduplication enabled "
    "or MessageDeduplicationId provided explicitly"
)


def refused(entry: SendEntry, size_max: int = 1_024, *, fifo: bool = False) -> str:
    with pytest.raises(QueueError) as caught:
        check_message(entry, size_max, fifo=fifo, content_dedup=False)
    return f"{caught.value.query_code}: {caught.value.text}"


def test_a_body_has_at_least_one_byte_and_at_most_the_queues_limit() -> None:
    check_message(SendEntry("\N{PARTY POPPER}" * 256), 1_024, fifo=False, content_dedup=False)
    assert refused(SendEntry("")) == "MissingParameter: The request must contain the parameter MessageBody."
    expected = (
        "InvalidParameterValue: One or more parameters are invalid. "
        "Reason: Message must be shorter than 1024 bytes."
    )
    assert refused(SendEntry("\N{PARTY POPPER}" * 256 + "a")) == expected
    assert (
        refused(SendEntry("a" * 1_000, attributes={"name": AttributeValue("String", "x" * 15)})) == expected
    )


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_a_character_that_xml_cannot_hold_is_refused(character: str) -> None:
    assert refused(SendEntry(f"a{character}")) == f"InvalidMessageContents: {CHARACTERS}"
    assert (
        refused(SendEntry("a", attributes={"n": AttributeValue("String", character)}))
        == f"InvalidParameterValue: {CHARACTERS}"
    )


def test_every_allowed_character_passes() -> None:
    body = "\t\n\r ~\x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    check_message(SendEntry(body), 1_024, fifo=False, content_dedup=False)
    assert "Valid unicode characters are #x9 | #xA | #xD" in InvalidMessageContents().text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n" * 257, "Message (user) attribute names must be shorter than 256 Bytes"),
        ("a b", FORM),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}", FORM),
        ("a\n", FORM),
        ("AWS.x", RESERVED),
        ("aws.x", RESERVED),
        ("Amazon.x", RESERVED),
        (".a", RESERVED),
        ("a.", RESERVED),
        ("a..b", RESERVED),
    ],
)
def test_an_attribute_name_is_refused(name: str, text: str) -> None:
    with pytest.raises(QueueError) as caught:
        check_attributes({name: TEXT})
    assert caught.value.text == text


@pytest.mark.parametrize(
    "value",
    [
        AttributeValue("String", ""),
        AttributeValue("String"),
        AttributeValue("Binary", "text"),
        AttributeValue("String", "a", b"b"),
        AttributeValue("Number.int", None, b"1"),
    ],
)
def test_an_attribute_has_one_value_of_its_type(value: AttributeValue) -> None:
    with pytest.raises(QueueError) as caught:
        check_attributes({"n": value})
    text = f"Message (user) attribute 'n' must contain a non-empty value of type '{value.data_type}'."
    assert caught.value.text == text


@pytest.mark.parametrize("data_type", ["", "Text", "string", "Stringy", "String." + "x" * 250])
def test_an_attribute_type_is_one_of_three(data_type: str) -> None:
    with pytest.raises(QueueError, match="The message attribute 'n' has an invalid message attribute type"):
        check_attributes({"n": AttributeValue(data_type, "v")})


@pytest.mark.parametrize(
    "number", ["0", "-1", "1.5", "1e126", "-1e128", ".5", "9" * 38, "+7", "000" + "9" * 38]
)
def test_a_number_passes(number: str) -> None:
    check_attributes({"n": AttributeValue("Number.any", number)})


@pytest.mark.parametrize("number", ["x", "1_0", "0x1", "1e127", "2e126", "-2e128", "9" * 39, "nan", "1 "])
def test_a_number_that_is_none_or_too_large_is_refused(number: str) -> None:
    with pytest.raises(QueueError, match="number"):
        check_attributes({"n": AttributeValue("Number", number)})


def test_a_message_has_at_most_ten_attributes() -> None:
    check_attributes({f"n{i}": TEXT for i in range(10)})
    with pytest.raises(QueueError) as caught:
        check_attributes({f"n{i}": TEXT for i in range(11)})
    assert caught.value.text == "Number of message attributes [11] exceeds the allowed maximum [10]."


def test_a_list_as_a_value_is_not_supported() -> None:
    with pytest.raises(QueueError) as caught:
        check_attributes({"n": AttributeValue("String", lists=True)})
    assert caught.value.query_code == "AWS.SimpleQueueService.UnsupportedOperation"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\n"])
def test_an_id_of_a_fifo_message_is_refused(bad: str) -> None:
    tail = "can only include alphanumeric and punctuation characters. 1 to 128 in length."
    group = SendEntry("b", group=bad, dedup_id="x")
    assert refused(group, fifo=True) == (
        f"InvalidParameterValue: Value {bad} for parameter MessageGroupId is invalid. Reason: MessageGroupId {tail}"
    )
    dedup = SendEntry("b", group="g", dedup_id=bad)
    assert refused(dedup, fifo=True) == (
        f"InvalidParameterValue: Value {bad} for parameter MessageDeduplicationId is invalid. "
        f"Reason: MessageDeduplicationId {tail}"
    )


def test_what_does_not_fit_the_type_of_queue_is_refused() -> None:
    assert refused(SendEntry("b", group="g", dedup_id="x", delay=1), fifo=True) == (
        "InvalidParameterValue: Value 1 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )
    assert refused(SendEntry("b"), fifo=True) == (
        "MissingParameter: The request must contain the parameter MessageGroupId."
    )
    assert refused(SendEntry("b", group="g"), fifo=True) == f"InvalidParameterValue: {NO_DEDUP_ID}"
    assert refused(SendEntry("b", dedup_id="x")) == (
        "InvalidParameterValue: Value x for parameter MessageDeduplicationId is invalid. "
        "Reason: The request includes a parameter that is not valid for this queue type."
    )
    check_message(SendEntry("b", group="g", dedup_id="x", delay=0), 1_024, fifo=True, content_dedup=False)
    check_message(SendEntry("b", group="g"), 1_024, fifo=False, content_dedup=False)


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_is_at_most_900_seconds(delay: int) -> None:
    assert refused(SendEntry("b", delay=delay)) == (
        f"InvalidParameterValue: Value {delay} for parameter DelaySeconds is invalid. "
        "Reason: DelaySeconds must be >= 0 and <= 900."
    )


def test_a_batch_is_judged_by_count_then_form_then_repetition_then_size() -> None:
    def text(ids: list[str]) -> str:
        with pytest.raises(QueueError) as caught:
            check_batch("SendMessageBatchRequestEntry", ids)
        return caught.value.text

    assert text([]) == "There should be at least one SendMessageBatchRequestEntry in the request."
    assert text(["!"] * 11) == "Maximum number of entries per request are 10. You have sent 11."
    assert text(["a", "a"]) == "Id a repeated."
    for bad in ("", "a b", "x" * 81, "a\n"):
        assert text([bad, bad]) == (
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long."
        )
    check_batch_size([SendEntry("x" * 524_288)] * 2)
    with pytest.raises(QueueError) as caught:
        check_batch_size([SendEntry("x" * 524_288), SendEntry("x" * 524_289)])
    assert (
        caught.value.text
        == "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    )


@pytest.mark.parametrize(
    ("count", "wait", "visibility", "text"),
    [
        (0, None, None, "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
        (11, None, None, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
        (1, 21, None, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
        (1, -1, None, "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
        (1, 20, 43_201, "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."),
    ],
)  # fmt: skip
def test_a_receive_out_of_range_is_refused(
    count: int, wait: int | None, visibility: int | None, text: str
) -> None:
    with pytest.raises(QueueError) as caught:
        check_receive(count, wait, visibility, None)
    assert caught.value.text == text


def test_the_edges_of_a_receive_pass() -> None:
    check_receive(10, 20, 43_200, "x" * 128)
    check_receive(1, 0, 0, None)
    check_visibility(0)
    with pytest.raises(QueueError, match="for parameter ReceiveRequestAttemptId"):
        check_receive(1, None, None, "x" * 129)


def test_a_page_has_one_to_a_thousand_names() -> None:
    assert [page_size(limit) for limit in (None, 1, 1_000)] == [1_000, 1, 1_000]
    for limit in (0, 1_001):
        with pytest.raises(QueueError) as caught:
            page_size(limit)
        assert caught.value.text == (
            "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."
        )


def test_only_the_trace_header_is_a_system_attribute() -> None:
    good = SendEntry("b", system_attributes={"AWSTraceHeader": AttributeValue("String", "Root=1")})
    check_message(good, 1_024, fifo=False, content_dedup=False)
    assert "SenderId" in refused(SendEntry("b", system_attributes={"SenderId": TEXT}))
    assert "AWSTraceHeader" in refused(
        SendEntry("b", system_attributes={"AWSTraceHeader": AttributeValue("Number", "1")})
    )


def test_a_trace_header_has_at_most_1024_characters() -> None:
    def traced(characters: int) -> SendEntry:
        value = AttributeValue("String", "\N{PARTY POPPER}" * characters)
        return SendEntry("b", system_attributes={"AWSTraceHeader": value})

    check_message(traced(TRACE_MAX), 1_024, fifo=False, content_dedup=False)
    text = "Message system attribute 'AWSTraceHeader' must be shorter than 1025 characters."
    assert refused(traced(TRACE_MAX + 1)) == f"InvalidParameterValue: {text}"
