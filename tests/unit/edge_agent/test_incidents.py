"""The register of open incidents: as the judges name them, found again after a restart, kept fresh at little cost."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from edge_agent.clock import SystemIds
from edge_agent.errors import OutboxError
from edge_agent.incidents import OpenIncidents, may_be_same
from edge_agent.outbox.rows import IncidentRow
from edge_agent.types import Change, PictureBox, Verdict
from tests.unit.edge_agent.outbox.builders import KERB, incident
from tests.unit.edge_agent.scene_of_incidents import ELSEWHERE, VAN, at, verdict


class Rows:
    """The open incidents on disk; `full` makes the disk refuse."""

    def __init__(self, *rows: IncidentRow) -> None:
        self.rows = list(rows)
        self.touched: list[dict[UUID, datetime]] = []
        self.full = False

    def all(self) -> list[IncidentRow]:
        return self.rows

    def touch(self, seen_at: Mapping[UUID, datetime]) -> None:
        if self.full:
            raise OutboxError("full")
        self.touched.append(dict(seen_at))


def opened(key: str, box: PictureBox | None = VAN) -> Verdict:
    return verdict(Change.OPEN, 20, key, box, since=0)


def register(*rows: IncidentRow) -> OpenIncidents:
    return OpenIncidents(Rows(*rows), SystemIds())


def test_an_incident_is_known_by_the_judges_key_until_it_is_closed() -> None:
    incidents = register()
    row = incidents.open("gate", "kerb", "parking", "illegal_parking", opened("place-1"))
    assert (row.opened_at, row.last_seen_at, row.finding) == (at(0).captured_at, at(20).captured_at, "illegal_parking")
    assert incidents.find("gate", "parking", "place-1") == row
    assert incidents.find("gate", "parking", "place-2") is None
    assert incidents.find("other", "parking", "place-1") is None
    incidents.close(row)
    assert incidents.find("gate", "parking", "place-1") is None


def test_what_lies_on_disk_at_start_are_orphans_until_adopted_or_closed() -> None:
    elsewhere = replace(incident(2), camera_id="other")
    incidents = register(incident(1), elsewhere, incident(3))
    assert incidents.orphans("gate") == (incident(1), incident(3))
    assert incidents.orphans() == (incident(1), elsewhere, incident(3))
    incidents.adopt(incident(1), opened("place-7", KERB))
    found = incidents.find("gate", "parking", "place-7")
    assert found is not None
    assert (found.incident_id, found.opened_at) == (incident(1).incident_id, incident(1).opened_at)
    incidents.close(incident(3))
    assert incidents.orphans("gate") == ()


@pytest.mark.parametrize(
    ("zone_id", "rule_id", "box", "found"),
    [
        ("kerb", "parking", KERB, True),
        ("kerb", "parking", PictureBox(KERB.x1 + 0.05, KERB.y1, KERB.x2 + 0.05, KERB.y2), True),
        ("kerb", "parking", PictureBox(KERB.x1 + 0.15, KERB.y1, KERB.x2 + 0.15, KERB.y2), False),
        ("kerb", "parking", None, False),
        ("kerb", "litter", KERB, False),
        ("square", "parking", KERB, False),
    ],
)
def test_an_orphan_is_found_by_camera_zone_rule_and_place(
    zone_id: str, rule_id: str, box: PictureBox | None, found: bool
) -> None:
    orphan = register(incident(1)).orphan_at("gate", zone_id, rule_id, box)
    assert (orphan == incident(1)) is found
    assert register(incident(1)).orphan_at("other", zone_id, rule_id, box) is None


def test_an_orphan_of_a_whole_zone_is_found_without_a_box() -> None:
    whole = incident(1, None)
    assert register(whole).orphan_at("gate", "kerb", "parking", None) == whole
    assert register(whole).orphan_at("gate", "kerb", "parking", KERB) is None


def test_of_two_in_one_place_the_youngest_is_found() -> None:
    young = replace(incident(2), last_seen_at=incident(1).last_seen_at + timedelta(hours=1))
    assert register(incident(1), young, incident(3)).orphan_at("gate", "kerb", "parking", KERB) == young


@pytest.mark.parametrize(("minutes", "same"), [(0, True), (15, True), (15.1, False), (-15, True), (-16, False)])
def test_only_a_short_absence_can_be_the_same_thing(minutes: float, same: bool) -> None:
    since = incident(1).last_seen_at + timedelta(minutes=minutes)
    assert may_be_same(incident(1), since) is same


def test_open_incidents_are_noted_once_a_minute_and_orphans_never() -> None:
    rows = Rows(incident(9))
    incidents = OpenIncidents(rows, SystemIds())
    row = incidents.open("gate", "kerb", "parking", "illegal_parking", opened("place-1"))
    unwatched = incidents.open("other", "kerb", "parking", "illegal_parking", opened("place-1", ELSEWHERE))
    for seconds in range(20, 200):
        incidents.looked("gate", at(seconds))
    assert rows.touched == [{row.incident_id: at(s).captured_at} for s in (80, 140)]
    incidents.close(row)
    incidents.looked("gate", at(300))
    assert len(rows.touched) == 2
    incidents.looked("other", at(360))
    assert rows.touched[2:] == [{unwatched.incident_id: at(360).captured_at}]


def test_a_full_disk_is_told_and_tried_again_a_minute_later() -> None:
    rows = Rows()
    incidents = OpenIncidents(rows, SystemIds())
    row = incidents.open("gate", "kerb", "parking", "illegal_parking", opened("place-1"))
    incidents.looked("gate", at(0))
    rows.full = True
    with pytest.raises(OutboxError):
        incidents.looked("gate", at(60))
    rows.full = False
    incidents.looked("gate", at(90))
    assert rows.touched == []
    incidents.looked("gate", at(120))
    assert rows.touched == [{row.incident_id: at(120).captured_at}]
