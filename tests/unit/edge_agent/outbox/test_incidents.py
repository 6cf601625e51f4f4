"""An incident is open exactly when its opening event was kept and its closing event was not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.errors import OutboxError
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.store import Outbox
from edge_agent.types import PictureBox
from mqtt.messages import Box, Finding, FindingBody, Phase, SeenBy
from tests.unit.edge_agent.outbox.builders import BOOT, IDS, START, ManualClock, event, incident

LATER = START + timedelta(minutes=3)
BODY = FindingBody(
    incident_id=UUID(int=7),
    phase=Phase.OPEN,
    finding=Finding.CROWDING,
    camera_id="gate",
    zone_id="square",
    rule_id="crowd",
    opened_at=START,
    score=0.5,
    seen_by=SeenBy(model="m", model_version="1", backend="b", config_version=1),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    box = Outbox(path, ManualClock())
    yield box
    box.close()


def test_an_incident_lives_from_its_opening_to_its_closing_event(outbox: Outbox, path: Path) -> None:
    outbox.append(replace(event(1), incident=incident(1)))
    outbox.append(replace(event(2), incident=incident(2, None)))
    moved = replace(incident(1), box=PictureBox(0.2, 0.2, 0.4, 0.4), last_seen_at=LATER)
    outbox.append(replace(event(3), incident=moved))
    outbox.append(replace(event(4), incident=incident(2, None), ends_incident=True))
    outbox.close()
    again = Outbox(path, ManualClock())
    assert again.incidents.all() == [moved]
    again.close()


def test_a_refused_event_changes_no_incident(outbox: Outbox) -> None:
    outbox.append(replace(event(1), incident=incident(1)))
    with pytest.raises(OutboxError):
        outbox.append(replace(event(1), incident=incident(1), ends_incident=True))
    assert outbox.incidents.all() == [incident(1)]


def test_settling_the_opening_event_closes_nothing(outbox: Outbox) -> None:
    opening = replace(event(1), incident=incident(1))
    outbox.append(opening)
    outbox.settle([opening.event_id])
    assert outbox.incidents.all() == [incident(1)]


def test_until_when_it_was_watched_is_noted_for_what_is_open(outbox: Outbox) -> None:
    outbox.append(replace(event(1), incident=incident(1)))
    outbox.incidents.touch({UUID(int=1): LATER, UUID(int=99): LATER})
    assert outbox.incidents.all() == [replace(incident(1), last_seen_at=LATER)]


def test_a_finding_carries_its_incident_into_the_outbox_and_out(outbox: Outbox) -> None:
    emitter = Emitter(outbox, "box-1", BOOT, ManualClock(), IDS)
    emitter.emit(BODY, START)
    (row,) = outbox.incidents.all()
    assert (row.incident_id, row.camera_id, row.zone_id, row.rule_id) == (UUID(int=7), "gate", "square", "crowd")
    assert (row.finding, row.opened_at, row.last_seen_at, row.box) == ("crowding", START, START, None)
    box = Box(x1=0.1, y1=0.2, x2=0.3, y2=0.4)
    emitter.emit(BODY.model_copy(update={"phase": Phase.UPDATE, "box": box}), LATER)
    (row,) = outbox.incidents.all()
    assert (row.last_seen_at, row.box) == (LATER, PictureBox(0.1, 0.2, 0.3, 0.4))
    emitter.emit(BODY.model_copy(update={"phase": Phase.CLOSE}), LATER)
    assert outbox.incidents.all() == []
