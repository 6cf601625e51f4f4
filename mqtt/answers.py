"""What the hub says to boxes: answers, whether it takes events, orders, and a configuration."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from mqtt.errors import RefusalReason
from mqtt.fields import Count, Moment, Sha256, Text, WireModel


class Refusal(WireModel):
    """A nack for one message: it will not be taken, however often it is sent.

    `event_id` is None when it could not be read; `payload_sha256` names the bytes that arrived.
    """

    event_id: UUID | None
    payload_sha256: Sha256
    reason: RefusalReason
    detail: Text


class Ack(WireModel):
    """What the hub has committed (`settled`) and what it will never take (`refused`)."""

    v: Literal[1] = 1
    settled: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()
    refused: Annotated[tuple[Refusal, ...], Field(max_length=100)] = ()


class HubState(WireModel):
    """Whether a hub takes events; retained, with an offline will: boxes hold instead of sending into the void."""

    v: Literal[1] = 1
    online: bool
    since: Moment


class Command(WireModel):
    """An order to a box; the verbs come with the issues that need them."""

    v: Literal[1] = 1
    command_id: UUID
    verb: Literal["resync"]


class Desired(WireModel):
    """A whole configuration document for a box, with the version that it must be newer than."""

    v: Literal[1] = 1
    version: Count
    document: dict[str, object]
