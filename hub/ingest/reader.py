"""Reads one message from the wire: a valid envelope on its own topic, or poison with a reason."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from mqtt.answers import Refusal
from mqtt.connection import Message
from mqtt.envelope import CHANNEL_OF_KIND, Envelope, decode
from mqtt.errors import MessageError, RefusalReason, TopicError
from mqtt.topic import Topic

DETAIL_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Accepted:
    """A valid message; `content_sha256` is the same each time that it is sent."""

    message: Message
    envelope: Envelope
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that will never be taken; `edge_id` is that of the topic and None when the topic is not ours."""

    message: Message
    edge_id: str | None
    event_id: UUID | None
    reason: RefusalReason
    detail: str

    def refusal(self) -> Refusal:
        """What the box is told."""
        return Refusal(
            event_id=self.event_id,
            payload_sha256=hashlib.sha256(self.message.payload).hexdigest(),
            reason=self.reason,
            detail=shown(self.detail, DETAIL_LIMIT),
        )


def read(message: Message) -> Accepted | Poison:
    """The message as a valid envelope, or why it is none."""
    try:
        topic = Topic.parse(message.topic)
    except TopicError as error:
        return Poison(message, None, None, RefusalReason.WRONG_TOPIC, str(error))
    try:
        envelope = decode(message.payload, Envelope)
    except MessageError as error:
        event_id = None if error.event_id is None else UUID(error.event_id)
        return Poison(message, topic.edge_id, event_id, error.reason, error.detail)
    fault = _misplaced(topic, envelope)
    if fault is not None:
        return Poison(message, topic.edge_id, envelope.event_id, *fault)
    return Accepted(message, envelope, _content_of(envelope))


def _misplaced(topic: Topic, envelope: Envelope) -> tuple[RefusalReason, str] | None:
    if envelope.edge_id != topic.edge_id:
        return RefusalReason.WRONG_TOPIC, f"edge_id {envelope.edge_id!r} came on the topic of {topic.edge_id!r}"
    if CHANNEL_OF_KIND[envelope.kind] is not topic.channel:
        return RefusalReason.WRONG_TOPIC, f"kind {envelope.kind!r} came on the channel {topic.channel!s}"
    return None


def _content_of(envelope: Envelope) -> str:
    captured_at = envelope.captured_at.isoformat() if envelope.captured_at else ""
    text = f"{envelope.edge_id}\n{captured_at}\n{envelope.body.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()


def shown(text: str, limit: int) -> str:
    """The text as wire and database take it: without the NUL character, at most `limit` characters."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}")[:limit]
