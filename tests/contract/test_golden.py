"""Samples that were once sent stay readable for ever, and what was refused stays refused for the same reason."""

import hashlib
import json
from pathlib import Path

import pytest

from mqtt.answers import Desired
from mqtt.envelope import CHANNEL_OF_KIND, MAX_BYTES, Envelope, decode, encode
from mqtt.errors import MessageError, RefusalReason
from mqtt.generate import messages
from mqtt.messages import Phase
from tests.contract.golden import GOLDEN, REFUSED, SAMPLES, model_of


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_read_and_written_as_the_same_value(path: Path) -> None:
    payload = path.read_bytes()
    assert json.loads(encode(decode(payload, model_of(path)))) == json.loads(payload)


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_a_poison_sample_is_refused_for_its_reason(path: Path) -> None:
    with pytest.raises(MessageError) as refusal:
        decode(path.read_bytes(), model_of(path))
    assert refusal.value.reason == path.name.split(".")[2]
    assert refusal.value.detail
    assert refusal.value.detail.isprintable()


def test_every_message_has_a_sample_and_every_sample_a_message() -> None:
    assert {path.name.split(".")[0] for path in SAMPLES} == set(messages())


def test_findings_are_sampled_in_each_phase() -> None:
    assert {path.name.split(".")[1] for path in SAMPLES if path.name.startswith("finding.")} == set(Phase)


@pytest.mark.parametrize("path", [path for path in SAMPLES if model_of(path) is Envelope], ids=lambda path: path.name)
def test_every_kind_has_a_channel(path: Path) -> None:
    assert decode(path.read_bytes(), Envelope).kind in CHANNEL_OF_KIND


def test_frozen_samples_never_change() -> None:
    lines = (GOLDEN / "FROZEN").read_text(encoding="utf-8").splitlines()
    frozen = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    now = {
        str(path.relative_to(GOLDEN)): hashlib.sha256(path.read_bytes()).hexdigest() for path in [*SAMPLES, *REFUSED]
    }
    assert now == frozen, "a sample in FROZEN may never change; add a new file and its line (sha256sum) instead"


def test_a_message_over_the_limit_is_refused_both_ways() -> None:
    with pytest.raises(MessageError) as received:
        decode(b"[" + b" " * MAX_BYTES + b"]", Envelope)
    with pytest.raises(MessageError) as sent:
        encode(Desired(version=1, document={"text": "x" * MAX_BYTES}))
    assert received.value.reason == sent.value.reason == RefusalReason.TOO_LARGE


def test_a_message_of_just_the_limit_is_taken() -> None:
    room = MAX_BYTES - len(encode(Desired(version=1, document={"text": ""})))
    message = Desired(version=1, document={"text": "x" * room})
    assert decode(encode(message), Desired) == message


def test_a_refusal_names_the_event_where_it_can_be_read() -> None:
    payload = (GOLDEN / "refused" / "envelope.unknown-field.invalid.json").read_bytes()
    with pytest.raises(MessageError, match="priority") as refusal:
        decode(payload, Envelope)
    assert refusal.value.event_id == json.loads(payload)["event_id"]
