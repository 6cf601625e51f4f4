"""Answers that fit the wire."""

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.acks import acks
from mqtt.answers import Refusal
from mqtt.envelope import MAX_BYTES, encode
from mqtt.errors import RefusalReason
from tests.hub_messages import SHA, new_id

WORST = Refusal(event_id=new_id(), payload_sha256=SHA, reason=RefusalReason.INVALID, detail="\x01" * 500)


@given(st.integers(0, 1200), st.integers(0, 120))
def test_every_answer_is_sent_once_and_fits(settled, refused):
    ids = [new_id() for _ in range(settled)]
    sent = list(acks(ids, [WORST] * refused))
    assert [event_id for ack in sent for event_id in ack.settled] == ids
    assert sum(len(ack.refused) for ack in sent) == refused
    assert all(len(encode(ack)) <= MAX_BYTES for ack in sent)


def test_no_answers_no_message():
    assert list(acks([], [])) == []
