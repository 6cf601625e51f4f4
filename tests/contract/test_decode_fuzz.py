"""Whatever bytes arrive, `decode` gives a message that can be sent again or raises MessageError."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mqtt.answers import Ack, Command, Desired, HubState, Refusal
from mqtt.envelope import Envelope, decode, encode
from mqtt.errors import MessageError
from mqtt.fields import WireModel
from tests.contract.golden import SAMPLES, model_of

MODELS: list[type[WireModel]] = [Envelope, Ack, Command, Desired, HubState]
GOOD = [(json.loads(path.read_bytes()), model_of(path)) for path in SAMPLES]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([2**63, -(2**63) - 1, 10**400, "9999-12-31T23:59:59-14:00", "0198c0de", "\ud800", "a\x00", "hub"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def check(payload: bytes, model: type[WireModel]) -> None:
    try:
        message: WireModel = decode(payload, model)
    except MessageError as error:
        # A refusal must itself be fit to travel as a nack.
        message = Ack(refused=(refusal(error),))
    assert decode(encode(message), type(message)) == message


def refusal(error: MessageError) -> Refusal:
    return Refusal(event_id=error.event_id, payload_sha256="0" * 64, reason=error.reason, detail=error.detail)


@given(st.binary(max_size=400), st.sampled_from(MODELS))
@example(b'{"v":' + b"[" * 900 + b"]" * 900 + b"}", Envelope)
@example(b'{"v":' + b"9" * 5000 + b"}", Envelope)
@example(b'{"a\\u0000\\ud800":1}', Ack)
def test_arbitrary_bytes(payload: bytes, model: type[WireModel]) -> None:
    check(payload, model)


@given(values, st.sampled_from(MODELS))
def test_arbitrary_json(value: Any, model: type[WireModel]) -> None:
    check(json.dumps(value).encode(), model)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(value, key), *places(inner)]]


@given(st.data())
def test_samples_with_values_changed_removed_or_added(data: st.DataObject) -> None:
    sample, model = data.draw(st.sampled_from(GOOD))
    changed = json.loads(json.dumps(sample))
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(changed)))
        if isinstance(container, dict) and data.draw(st.booleans()):
            container[data.draw(st.text(max_size=8))] = data.draw(values)
        else:
            container[key] = data.draw(values)
    check(json.dumps(changed).encode(), model)


@given(st.data())
def test_samples_with_bytes_changed(data: st.DataObject) -> None:
    sample, model = data.draw(st.sampled_from(GOOD))
    payload = bytearray(json.dumps(sample, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    check(bytes(payload[:cut]) if data.draw(st.booleans()) else bytes(payload), model)
