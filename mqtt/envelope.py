"""The envelope around everything that a box sends, and the only way in and out of JSON."""

import json
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import Field, ValidationError

from mqtt.errors import MessageError, RefusalReason
from mqtt.fields import Count, EdgeId, Moment, WireModel
from mqtt.messages import Body
from mqtt.topic import Channel

VERSION = 1
MAX_BYTES = 64 * 1024

CHANNEL_OF_KIND: dict[str, Channel] = {
    "finding": Channel.EVENT,
    "shed": Channel.EVENT,
    "reading": Channel.READING,
    "birth": Channel.STATE,
    "health": Channel.STATE,
    "death": Channel.STATE,
    "reported": Channel.REPORTED,
    "result": Channel.RESULT,
}


class ClockReport(WireModel):
    """How far the box's wall clock can be trusted; `offset_ms` is wall clock minus reference, None when unknown."""

    source: Literal["ntp", "rtc", "unknown"]
    offset_ms: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None


class Envelope(WireModel):
    """One message of a box. (`edge_id`, `boot_id`, `seq`) gives its order, `event_id` its identity."""

    v: Literal[1] = 1
    edge_id: EdgeId
    boot_id: UUID
    seq: Count
    event_id: UUID
    kind: str
    emitted_at: Moment
    captured_at: Moment | None
    clock: ClockReport
    body: Body

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002
        """Refuse an envelope whose kind is not that of its body."""
        if self.kind != self.body.kind:
            msg = f"kind {self.kind!r} differs from the body's {self.body.kind!r}"
            raise ValueError(msg)


M = TypeVar("M", bound=WireModel)


def encode(message: WireModel) -> bytes:
    """The UTF-8 JSON of a message.

    Raises:
        MessageError: the result is larger than 64 KiB.
    """
    payload = message.model_dump_json(exclude_none=False).encode()
    if len(payload) > MAX_BYTES:
        raise MessageError(RefusalReason.TOO_LARGE, f"{len(payload)} bytes, the limit is {MAX_BYTES}")
    return payload


def decode(payload: bytes, model: type[M]) -> M:
    """Read `payload` as `model`.

    Raises:
        MessageError: too large, not JSON, another version, or not valid; says which field and why.
    """
    if len(payload) > MAX_BYTES:
        raise MessageError(RefusalReason.TOO_LARGE, f"{len(payload)} bytes, the limit is {MAX_BYTES}")
    # The reader of JSON inside pydantic takes these constants, which JSON does not have.
    if b"NaN" not in payload and b"Infinity" not in payload:
        try:
            return model.model_validate_json(payload, strict=True)
        except ValidationError:
            pass
    return _decode_and_explain(payload, model)


def _decode_and_explain(payload: bytes, model: type[M]) -> M:
    """Read a payload that is probably not valid: parsed twice, it says best what is wrong."""
    try:
        raw = json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MessageError(RefusalReason.NOT_JSON, str(error)[:200]) from None
    event_id = _readable_id(raw)
    if isinstance(raw, dict) and raw.get("v", VERSION) != VERSION:
        given = f"{raw['v']!r:.20}" if isinstance(raw["v"], int | float | str) else type(raw["v"]).__name__
        raise MessageError(RefusalReason.WRONG_VERSION, f"version {given}, this side speaks {VERSION}", event_id)
    try:
        return model.model_validate_json(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise MessageError(RefusalReason.INVALID, _printable(f"{where}: {first['msg']}"), event_id) from None


def _printable(text: str) -> str:
    # The name of an unknown field is the sender's, and the text goes into a nack, a database and a log.
    return "".join(char if char.isprintable() else "?" for char in text[:300])


def _refuse_constant(name: str) -> None:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _readable_id(raw: object) -> str | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("event_id"), str):
        return None
    try:
        return str(UUID(raw["event_id"]))
    except ValueError:
        return None
