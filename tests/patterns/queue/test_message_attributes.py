"""How attributes are digested, kept and chosen, and what a receive tells of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patterns.queue.limits import TRACE_MAX
from patterns.queue.message_attributes import body_digest, decoded, digest, encoded, selected
from patterns.queue.messages import AttributeValue, SendEntry
from patterns.queue.sending import send
from tests.patterns.queue.kept import Kept

TEXT = {"attribName1": AttributeValue("String", "attribValue 1")}
NUMBER = {"customNumberTypeAttrib": AttributeValue("Number.float", "4563442423554324324264524243.32543234")}
BINARY = {"binaryAttribute": AttributeValue("Binary", binary=b"Hello binary world!")}


def test_the_digests_are_those_that_clients_compute() -> None:
    assert digest(encoded(TEXT)) == "19e27d4e946b072f3f58da80d94fd778"
    assert digest(encoded(NUMBER)) == "9fe1b90bbd9965bdf77bac517c7d2495"
    assert digest(encoded(BINARY)) == "31a92b15d92f8db860eda32aceb656c3"
    assert digest(encoded({**TEXT, **NUMBER, **BINARY})) == "c932db14a896c663f83c260297d594ff"
    assert digest(encoded({})) is None
    assert body_digest(b"hello world") == "5eb63bbbe01eeed093cb22bb8f5acdc3"


VALUES = st.one_of(
    st.builds(AttributeValue, st.sampled_from(["String", "Number.x"]), st.text(min_size=1)),
    st.builds(AttributeValue, st.just("Binary.gif"), st.none(), st.binary(min_size=1)),
)


@given(st.dictionaries(st.text(min_size=1), VALUES))
def test_what_is_encoded_is_decoded_again_whatever_the_order(attributes: dict[str, AttributeValue]) -> None:
    assert decoded(encoded(attributes)) == attributes
    assert encoded(dict(reversed(attributes.items()))) == encoded(attributes)


def test_a_receive_chooses_by_name_prefix_or_all_and_digests_what_it_chose() -> None:
    value = AttributeValue("String", "v")
    every: dict[str, AttributeValue] = dict.fromkeys(("a", "a.b", "a.c", "ab", "z"), value)
    canonical = encoded(every)

    def names(*asked: str) -> set[str]:
        chosen, md5 = selected(canonical, asked)
        assert md5 == digest(encoded(chosen))
        return set(chosen)

    for everything in ("All", ".*", "*"):
        assert names(everything) == set(every)
    assert names("a") == {"a"}
    assert names("a.*") == {"a", "a.b", "a.c", "ab"}
    assert names("a..*") == {"a.b", "a.c"}
    assert names("z", "a.b.*", "none") == {"z", "a.b"}
    assert names("A.*", "a*") == set()
    assert selected(canonical, ()) == ({}, None)
    assert selected(canonical, ("none",)) == ({}, None)


def test_a_receive_tells_only_what_was_asked_for() -> None:
    kept = Kept()
    trace = {"AWSTraceHeader": AttributeValue("String", "Root=1-5759e988-bd862e3fe1be46a994272793")}
    entry = SendEntry('\r\n<&"\N{EN DASH}', attributes={**TEXT, **NUMBER}, system_attributes=trace)
    change = send(kept.queue, entry, "AIDA1", kept.now, kept.draw)
    kept.keep(change)
    (sent,) = change.sent
    assert sent.md5_of_attributes == digest(encoded({**TEXT, **NUMBER}))
    assert sent.md5_of_system_attributes == digest(encoded(trace))
    assert sent.sequence is None
    kept.restart()
    (nothing,) = kept.receive(visibility=0, names=())
    assert (nothing.body, nothing.md5_of_body) == (entry.body, sent.md5_of_body)
    assert (nothing.attributes, nothing.md5_of_attributes, nothing.system_attributes) == ({}, None, {})
    (some,) = kept.receive(visibility=0, names=("attribName1", "SenderId", "SentTimestamp"))
    assert some.attributes == TEXT
    assert some.md5_of_attributes == digest(encoded(TEXT))
    assert some.system_attributes == {"SenderId": "AIDA1", "SentTimestamp": "1000000"}
    (everything,) = kept.receive()
    assert everything.attributes == {**TEXT, **NUMBER}
    assert everything.system_attributes["AWSTraceHeader"] == trace["AWSTraceHeader"].string


def test_the_first_receive_is_told_for_ever() -> None:
    kept = Kept()
    kept.send("a")
    kept.advance(5.5)
    kept.receive(visibility=0)
    kept.advance(5.0)
    (again,) = kept.receive()
    assert again.system_attributes["ApproximateFirstReceiveTimestamp"] == "1005500"


def test_the_trace_header_of_the_request_is_kept_without_a_digest() -> None:
    kept = Kept()
    change = send(kept.queue, SendEntry("a", trace="Root=1"), "me", kept.now, kept.draw)
    kept.keep(change)
    assert change.sent[0].md5_of_system_attributes is None
    assert kept.receive()[0].system_attributes["AWSTraceHeader"] == "Root=1"


@pytest.mark.parametrize(
    "header", ["", "\xff" * 40_000, "Root=" + "1" * 65_536, "Root=\N{PARTY POPPER}", "a\tb"]
)
def test_a_header_of_the_request_that_is_no_trace_header_is_not_kept(header: str) -> None:
    kept = Kept()
    kept.keep(send(kept.queue, SendEntry("a", trace=header), "me", kept.now, kept.draw))
    assert "AWSTraceHeader" not in kept.receive()[0].system_attributes


def test_the_longest_trace_header_is_stored_and_read_back() -> None:
    kept = Kept()
    longest = "\N{PARTY POPPER}" * TRACE_MAX
    entry = SendEntry("a", system_attributes={"AWSTraceHeader": AttributeValue("String", longest)})
    kept.keep(send(kept.queue, entry, "me", kept.now, kept.draw))
    assert kept.receive()[0].system_attributes["AWSTraceHeader"] == longest
