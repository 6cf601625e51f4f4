"""Seqs have no gaps, also when the disk refuses, and a state carries the number of events so far."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import OutboxError
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.store import Outbox
from mqtt.envelope import Envelope, decode
from mqtt.errors import MessageError
from mqtt.messages import ReadingBody, ReportedBody
from mqtt.states import DeathBody
from tests.unit.edge_agent.outbox.builders import BOOT, IDS, START, ManualClock, picture

READING = ReadingBody(sensor_id="rain", quantity="depth", value=1.5, unit="mm")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite", ManualClock())
    yield box
    box.close()


def emitter(outbox: Outbox) -> Emitter:
    return Emitter(outbox, "box-1", BOOT, ManualClock(), IDS)


def test_an_event_is_kept_as_it_will_be_sent(outbox: Outbox) -> None:
    envelope = emitter(outbox).emit(READING, START, 3, [picture(b"one")])
    (due,) = outbox.due(10, 10)
    assert decode(due.payload, Envelope) == envelope
    assert (envelope.seq, envelope.captured_at, envelope.clock.source) == (1, START, "unknown")
    assert due.topic == "tr/v1/box-1/reading"
    assert outbox.pictures.pending(10) == [picture(b"one").sha256]


def test_each_kind_goes_to_its_topic(outbox: Outbox) -> None:
    emitter(outbox).emit(ReportedBody(version=1, status="applied"), None)
    assert [due.topic for due in outbox.due(10, 10)] == ["tr/v1/box-1/reported"]


def test_a_state_is_not_kept_and_counts_the_events_of_this_boot(outbox: Outbox) -> None:
    emit = emitter(outbox)
    assert emit.state(DeathBody(reason="lost")).seq == 0
    emit.emit(READING, START)
    emit.emit(READING, START)
    assert emit.state(DeathBody(reason="stopped")).seq == 2
    assert outbox.counts().born == 2


def test_the_same_boot_goes_on_counting(outbox: Outbox) -> None:
    emitter(outbox).emit(READING, START)
    outbox.settle([due.event_id for due in outbox.due(10, 10)])
    assert emitter(outbox).emit(READING, START).seq == 2


def test_what_was_not_kept_uses_up_no_seq(outbox: Outbox, tmp_path: Path) -> None:
    emit = emitter(outbox)
    emit.emit(READING, START)
    too_large = ReadingBody.model_construct(kind="reading", sensor_id="r", quantity="x" * 70_000, value=1.0, unit="mm")
    with pytest.raises(MessageError, match="too_large"):
        emit.emit(too_large, START)
    outbox._transactions._db.execute("PRAGMA query_only = 1")
    with pytest.raises(OutboxError, match="readonly") as refused:
        emit.emit(READING, START)
    assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
    outbox._transactions._db.execute("PRAGMA query_only = 0")
    assert emit.state(DeathBody(reason="lost")).seq == 1
    assert emit.emit(READING, START).seq == 2
    counts = outbox.counts()
    assert (counts.born, counts.pending, counts.shed) == (2, 2, 0)


def test_listeners_hear_of_each_event_once_it_is_kept(outbox: Outbox) -> None:
    heard: list[int] = []
    outbox.on_append(lambda: heard.append(outbox.counts().pending))
    emit = emitter(outbox)
    emit.emit(READING, START)
    emit.emit(READING, START)
    assert heard == [1, 2]
