"""Topics are built, parsed or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt.errors import TopicError
from mqtt.topic import DOWNWARD, UPWARD, Channel, Topic, check_edge_id, subscription

edge_ids = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True).filter(lambda text: text != "hub")


@given(edge_ids, st.sampled_from(Channel))
def test_a_topic_is_read_back_as_it_was_written(edge_id: str, channel: Channel) -> None:
    topic = Topic(edge_id, channel)
    assert str(topic) == f"tr/v1/{edge_id}/{channel}"
    assert Topic.parse(str(topic)) == topic


@given(st.text())
def test_any_other_text_is_refused_and_nothing_else_is_raised(text: str) -> None:
    try:
        topic = Topic.parse(text)
    except TopicError:
        return
    assert str(topic) == text


@pytest.mark.parametrize(
    "edge_id", ["", "hub", "-a", "a-", "A", "a/b", "a+", "#", "a" * 64, "box1\n", "b\u0000", "\u5317\u4eac"]
)
def test_edge_ids_that_cannot_stand_in_a_topic_are_refused(edge_id: str) -> None:
    with pytest.raises(TopicError, match="is not usable"):
        check_edge_id(edge_id)
    with pytest.raises(TopicError):
        Topic(edge_id, Channel.EVENT)


@pytest.mark.parametrize(
    "text", ["", "tr/v1/", "tr/v1/a", "tr/v1/a/event/x", "tr/v2/a/event", "x/tr/v1/a/event", "tr/v1/hub/state"]
)
def test_topics_that_are_not_of_a_box_are_refused(text: str) -> None:
    with pytest.raises(TopicError):
        Topic.parse(text)


def test_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TopicError, match="known are event, reading"):
        Topic.parse("tr/v1/a/face")


def test_every_channel_has_one_direction() -> None:
    assert set(Channel) == UPWARD | DOWNWARD
    assert not UPWARD & DOWNWARD


def test_states_and_documents_are_retained_and_events_are_not() -> None:
    retained = {channel for channel in Channel if Topic("a", channel).retained}
    assert retained == {Channel.STATE, Channel.DESIRED, Channel.REPORTED}


def test_a_subscription_may_be_shared() -> None:
    assert subscription(Channel.EVENT) == "tr/v1/+/event"
    assert subscription(Channel.EVENT, "hub") == "$share/hub/tr/v1/+/event"
