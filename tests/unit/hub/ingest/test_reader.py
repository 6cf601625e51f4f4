"""What is poison, why, and what the box is told."""

import hashlib
import json
from datetime import timedelta

import pytest

from hub.ingest.reader import Accepted, Poison, read
from mqtt.connection import Message
from mqtt.envelope import MAX_BYTES
from mqtt.errors import RefusalReason
from tests.hub_messages import START, BoxVoice, new_id, on_wire

ENVELOPE = BoxVoice().finding(new_id())
GOOD = on_wire(ENVELOPE)


def changed(**changes) -> bytes:
    return json.dumps(json.loads(GOOD.payload) | changes).encode()


def with_text(text: str) -> bytes:
    raw = json.loads(GOOD.payload)
    raw["body"]["limits"] = [text]
    return json.dumps(raw).encode()


def test_a_good_message_is_accepted():
    taken = read(GOOD)
    assert isinstance(taken, Accepted)
    assert taken.envelope == ENVELOPE


def test_the_content_does_not_depend_on_when_it_was_sent():
    again = ENVELOPE.model_copy(update={"emitted_at": START + timedelta(days=1)})
    assert read(on_wire(again)).content_sha256 == read(GOOD).content_sha256
    other = ENVELOPE.model_copy(update={"body": ENVELOPE.body.model_copy(update={"score": 0.1})})
    assert read(on_wire(other)).content_sha256 != read(GOOD).content_sha256


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "says"),
    [
        ("tr/v1/EDGE/event", GOOD.payload, RefusalReason.WRONG_TOPIC, "EDGE"),
        ("tr/v1/edge-2/event", GOOD.payload, RefusalReason.WRONG_TOPIC, "'edge-1' came on the topic of 'edge-2'"),
        ("tr/v1/edge-1/reading", GOOD.payload, RefusalReason.WRONG_TOPIC, "channel reading"),
        ("tr/v1/edge-1/event", b"", RefusalReason.NOT_JSON, "Expecting value"),
        ("tr/v1/edge-1/event", b"\xff{", RefusalReason.NOT_JSON, "decode"),
        ("tr/v1/edge-1/event", b"[" * 60_000, RefusalReason.NOT_JSON, "recursion"),
        ("tr/v1/edge-1/event", b" " * (MAX_BYTES + 1), RefusalReason.TOO_LARGE, "65537 bytes"),
        ("tr/v1/edge-1/event", changed(v=2), RefusalReason.WRONG_VERSION, "version 2"),
        ("tr/v1/edge-1/event", changed(extra=1), RefusalReason.INVALID, "extra"),
        ("tr/v1/edge-1/event", changed(seq=2**63), RefusalReason.INVALID, "seq"),
        ("tr/v1/edge-1/event", with_text("a\0b"), RefusalReason.INVALID, "limits.0"),
    ],
)
def test_poison_has_a_reason(topic, payload, reason, says):
    poison = read(Message(topic, payload, False))
    assert isinstance(poison, Poison)
    assert poison.reason is reason
    assert says in poison.detail
    assert poison.refusal().payload_sha256 == hashlib.sha256(payload).hexdigest()


def test_the_id_of_an_invalid_message_is_told_back():
    assert read(Message(GOOD.topic, changed(extra=1), False)).event_id == ENVELOPE.event_id
    assert read(Message(GOOD.topic, b"{}", False)).event_id is None
