"""The register of open incidents: found again after a restart, never silently lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.clock import SystemClock, SystemIds
from edge_agent.incidents import OpenIncidents
from edge_agent.types import Change, FrameTime, PictureBox, Verdict

NOON = FrameTime(datetime(2026, 11, 24, 4, 0, tzinfo=UTC), 100.0, "arrival")
VAN = PictureBox(0.85, 0.08, 0.94, 0.17)
ELSEWHERE = PictureBox(0.1, 0.1, 0.2, 0.2)


def register(folder: Path) -> OpenIncidents:
    return OpenIncidents(folder / "open.json", SystemClock(), SystemIds())


def opened(key: str, box: PictureBox | None = VAN) -> Verdict:
    return Verdict(Change.OPEN, key, NOON, NOON, score=0.6, box=box)


def test_an_incident_is_known_by_the_judges_key(tmp_path: Path) -> None:
    incidents = register(tmp_path)
    incident, resumed = incidents.open("gate", "kerb", "parking", opened("place-1"))
    assert not resumed
    assert incidents.find("gate", "parking", "place-1") == incident
    assert incidents.find("gate", "parking", "place-2") is None
    assert incidents.find("other", "parking", "place-1") is None


def test_after_a_restart_the_same_place_is_the_same_incident(tmp_path: Path) -> None:
    before, _ = register(tmp_path).open("gate", "kerb", "parking", opened("place-1"))
    incidents = register(tmp_path)
    assert incidents.find("gate", "parking", "place-1") is None
    assert [orphan.incident_id for orphan in incidents.orphans("gate")] == [before.incident_id]
    nudged = PictureBox(VAN.x1 + 0.01, VAN.y1, VAN.x2 + 0.01, VAN.y2)
    after, resumed = incidents.open("gate", "kerb", "parking", opened("place-7", nudged))
    assert resumed
    assert after.incident_id == before.incident_id
    assert after.opened_at == before.opened_at
    assert incidents.orphans("gate") == ()


def test_after_a_restart_another_place_or_rule_is_another_incident(tmp_path: Path) -> None:
    before, _ = register(tmp_path).open("gate", "kerb", "parking", opened("place-1"))
    incidents = register(tmp_path)
    other_place, _ = incidents.open("gate", "kerb", "parking", opened("place-1", ELSEWHERE))
    other_rule, _ = incidents.open("gate", "kerb", "litter", opened("thing-1"))
    assert len({before.incident_id, other_place.incident_id, other_rule.incident_id}) == 3


def test_a_finding_of_a_whole_zone_is_found_again_without_a_box(tmp_path: Path) -> None:
    before, _ = register(tmp_path).open("gate", "square", "crowd", opened("crowd", None))
    after, resumed = register(tmp_path).open("gate", "square", "crowd", opened("crowd", None))
    assert resumed
    assert after.incident_id == before.incident_id


def test_a_closed_incident_is_forgotten_for_good(tmp_path: Path) -> None:
    incidents = register(tmp_path)
    incident, _ = incidents.open("gate", "kerb", "parking", opened("place-1"))
    incidents.close(incident)
    assert register(tmp_path).orphans("gate") == ()


def test_a_corrupt_file_is_moved_aside_and_reported(tmp_path: Path, caplog) -> None:
    register(tmp_path).open("gate", "kerb", "parking", opened("place-1"))
    (tmp_path / "open.json").write_text('[{"incident_id": "no"', encoding="utf-8")
    assert register(tmp_path).orphans("gate") == ()
    assert "moved to" in caplog.text
    assert len(list(tmp_path.glob("open.json.corrupt-*"))) == 1


def test_a_disk_that_takes_nothing_keeps_the_incident_in_memory(tmp_path: Path, caplog) -> None:
    incidents = register(tmp_path)
    (tmp_path / "open.part").mkdir()
    incident, _ = incidents.open("gate", "kerb", "parking", opened("place-1"))
    assert "cannot be written" in caplog.text
    assert incidents.find("gate", "parking", "place-1") == incident
    (tmp_path / "open.part").rmdir()
    incidents.open("gate", "kerb", "parking", opened("place-2", ELSEWHERE))
    assert len(json.loads((tmp_path / "open.json").read_text(encoding="utf-8"))) == 2
