"""From verdicts to pictures and events on a real outbox: order, pictures, restarts, and pictures that fail."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import EvidenceError
from edge_agent.orphans import GONE_AFTER_RESTART
from edge_agent.reporter import MAX_FIRST_LOOKS, NO_PICTURE, close_unconfigured
from edge_agent.types import Change
from edge_agent.waiting import Shot
from mqtt.messages import Finding, Phase
from tests.unit.edge_agent.scene_of_incidents import (
    CROWD,
    LITTER,
    PARKING,
    SEEN_BY,
    SPEC,
    START,
    Box,
    at,
    box_on,
    shot,
    verdict,
)

MINUTE = 60.0


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with box_on(tmp_path) as started:
        yield started


def no_picture() -> Shot:
    raise EvidenceError("cannot be encoded")


def test_an_incident_is_told_from_its_first_look_to_its_end(box: Box) -> None:
    for change, seconds in ((Change.SUSPECT, 0), (Change.OPEN, 20), (Change.UPDATE, 40), (Change.CLOSE, 60)):
        box.reporter.report(PARKING, verdict(change, seconds, since=0), lambda at=seconds: shot(at))  # type: ignore[misc]
    opened, updated, closed = box.bodies()
    assert (opened.phase, updated.phase, closed.phase) == (Phase.OPEN, Phase.UPDATE, Phase.CLOSE)
    assert [e.role for e in opened.evidence] == ["t0", "t1"]
    assert [e.role for e in closed.evidence] == ["now"]
    assert [e.taken_at for e in opened.evidence] == [at(0).captured_at, at(20).captured_at]
    assert {body.incident_id for body in (opened, updated, closed)} == {opened.incident_id}
    assert {body.opened_at for body in (opened, updated, closed)} == {START}
    assert (opened.grid_code, opened.seen_by, opened.finding) == (SPEC.grid_code, SEEN_BY, Finding.ILLEGAL_PARKING)
    assert opened.box is not None
    assert opened.box.y1 == 0.0
    assert box.outbox.incidents.all() == []
    assert all(box.store.read(e.sha256) for body in box.bodies() for e in body.evidence)


def test_a_suspect_that_leaves_is_never_told(box: Box) -> None:
    box.reporter.report(PARKING, verdict(Change.SUSPECT, 0), lambda: shot(0))
    box.reporter.report(PARKING, verdict(Change.DISMISS, 5), lambda: shot(5))
    box.reporter.report(PARKING, verdict(Change.OPEN, 50), lambda: shot(50))
    (body,) = box.bodies()
    assert [e.role for e in body.evidence] == ["now"]


def test_first_looks_are_bounded_and_the_oldest_go(box: Box) -> None:
    for number in range(MAX_FIRST_LOOKS + 1):
        box.reporter.report(PARKING, verdict(Change.SUSPECT, number, f"place-{number}"), lambda: shot(1))
    for key in ("place-0", "place-1"):
        box.reporter.report(PARKING, verdict(Change.OPEN, 99, key), lambda: shot(99))
    assert [len(body.evidence) for body in box.bodies()] == [1, 2]


def test_a_picture_that_cannot_be_made_costs_no_change(box: Box) -> None:
    for change in (Change.OPEN, Change.UPDATE, Change.CLOSE):
        box.reporter.report(PARKING, verdict(change, 20), no_picture)
    assert box.phases() == [Phase.OPEN, Phase.UPDATE, Phase.CLOSE]
    assert {(body.evidence, body.limits) for body in box.bodies()} == {((), (NO_PICTURE,))}


def test_a_first_look_that_cannot_be_pictured_is_missed_in_the_event(box: Box) -> None:
    box.reporter.report(PARKING, verdict(Change.SUSPECT, 0), no_picture)
    box.reporter.report(PARKING, verdict(Change.OPEN, 20), lambda: shot(20))
    (body,) = box.bodies()
    assert [e.role for e in body.evidence] == ["t1"]
    assert body.limits == (NO_PICTURE,)


def test_a_full_disk_tells_all_in_order_when_there_is_room_again(box: Box) -> None:
    box.outbox._transactions._db.execute("PRAGMA query_only = 1")
    box.reporter.report(PARKING, verdict(Change.OPEN, 20), lambda: shot(20))
    box.reporter.report(PARKING, verdict(Change.CLOSE, 60), lambda: shot(60))
    assert (box.bodies(), len(box.waiting)) == ([], 2)
    box.outbox._transactions._db.execute("PRAGMA query_only = 0")
    box.clock.advance(60)
    box.reporter.close_orphans(at(120))
    assert box.phases() == [Phase.OPEN, Phase.CLOSE]
    assert len({body.incident_id for body in box.bodies()}) == 1
    assert len(box.waiting) == 0


def test_after_a_short_restart_the_same_van_goes_on_as_the_same_incident(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.open_parking(20)
    with box_on(tmp_path) as box:
        # The judge opens it anew after its dwell time; what counts is since when it stands there.
        late = verdict(Change.OPEN, 40 * MINUTE, "place-9", since=14 * MINUTE)
        box.reporter.report(PARKING, late, lambda: shot(90))
        box.reporter.report(PARKING, verdict(Change.CLOSE, 50 * MINUTE, "place-9"), lambda: shot(99))
        assert box.phases() == [Phase.OPEN, Phase.UPDATE, Phase.CLOSE]
        assert len({(body.incident_id, body.opened_at) for body in box.bodies()}) == 1
        assert box.outbox.incidents.all() == []


def test_being_watched_is_what_counts_and_not_when_it_opened(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.open_parking(20)
        for minute in range(60):
            box.reporter.close_orphans(at(minute * MINUTE))
    with box_on(tmp_path) as box:
        box.open_parking(70 * MINUTE, "place-3")
        assert box.phases() == [Phase.OPEN, Phase.UPDATE]


def test_after_a_long_time_off_a_van_in_the_same_place_is_another_incident(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.open_parking(20)
    with box_on(tmp_path) as box:
        box.reporter.close_orphans(at(16 * MINUTE))
        box.open_parking(20 * MINUTE, "place-1")
        before, ended, after = box.bodies()
        assert [before.phase, ended.phase, after.phase] == [Phase.OPEN, Phase.CLOSE, Phase.OPEN]
        assert before.incident_id == ended.incident_id != after.incident_id
        assert "whether it ended is not known" in ended.limits[0]
        assert (ended.box, ended.grid_code) == (before.box, SPEC.grid_code)
        assert [row.incident_id for row in box.outbox.incidents.all()] == [after.incident_id]


def test_litter_seen_again_after_a_long_time_ends_the_old_one_and_opens_a_new_one(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.reporter.report(LITTER, verdict(Change.OPEN, 20), lambda: shot(20))
    with box_on(tmp_path) as box:
        for second in range(0, 3600, 5):
            box.reporter.close_orphans(at(second))
        assert box.phases() == [Phase.OPEN]
        box.reporter.report(LITTER, verdict(Change.OPEN, 2 * 3600), lambda: shot(20))
        assert box.phases() == [Phase.OPEN, Phase.CLOSE, Phase.OPEN]
        assert "not known" in box.bodies()[1].limits[0]


def test_a_crowd_is_found_again_without_a_box(tmp_path: Path) -> None:
    for minute in (0, 5):
        with box_on(tmp_path) as box:
            box.reporter.report(CROWD, verdict(Change.OPEN, minute * MINUTE, "crowd", None), lambda: shot(1))
            phases = box.phases()
    assert phases == [Phase.OPEN, Phase.UPDATE]


def test_what_is_gone_after_a_restart_is_closed_once_and_says_so(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.open_parking(20)
    with box_on(tmp_path) as box:
        for seconds in range(100, 400, 5):
            box.reporter.close_orphans(at(seconds))
        assert box.phases() == [Phase.OPEN, Phase.CLOSE]
        assert box.bodies()[1].limits == (GONE_AFTER_RESTART,)


def test_what_is_no_longer_configured_is_closed_at_start_with_the_reason(tmp_path: Path) -> None:
    with box_on(tmp_path) as box:
        box.open_parking(20)
        box.reporter.report(CROWD, verdict(Change.OPEN, 30, "crowd", None), lambda: shot(1))
    without_square = SPEC.model_copy(update={"zones": (SPEC.zones[0],)})
    with box_on(tmp_path) as box:
        close_unconfigured(box.incidents, [without_square], SEEN_BY, box.waiting, box.clock)
        *_, ended = box.bodies()
        assert (ended.phase, ended.finding, ended.rule_id) == (Phase.CLOSE, Finding.CROWDING, "crowd")
        assert (ended.limits, ended.grid_code) == (("rule crowd no longer configured",), SPEC.grid_code)
    with box_on(tmp_path) as box:
        close_unconfigured(box.incidents, [], SEEN_BY, box.waiting, box.clock)
        *_, ended = box.bodies()
        assert (ended.finding, ended.limits) == (Finding.ILLEGAL_PARKING, ("camera gate no longer configured",))
        assert ended.grid_code is None
        assert box.outbox.incidents.all() == []


def test_the_end_of_an_unknown_incident_is_logged_and_harmless(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    box.reporter.report(PARKING, replace(verdict(Change.CLOSE, 5), key="never"), lambda: shot(5))
    assert box.bodies() == []
    assert "unknown incident never" in caplog.text
