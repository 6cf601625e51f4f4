"""The incidents that are open on this box, kept on disk so that a restart does not make one parked car two cases."""

import json
import logging
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from edge_agent.clock import Clock, Ids
from edge_agent.types import PictureBox, Verdict

log = logging.getLogger(__name__)

SAME_PLACE_IOU = 0.3


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """One incident that was opened and not yet closed; `key` is the judge's name for it, None after a restart."""

    incident_id: UUID
    camera_id: str
    zone_id: str
    rule_id: str
    key: str | None
    opened_at: datetime
    box: PictureBox | None


class OpenIncidents:
    """All open incidents of a box, written to one file at every change."""

    def __init__(self, path: Path, clock: Clock, ids: Ids) -> None:
        self._path = path
        self._clock = clock
        self._ids = ids
        self._incidents = self._load()

    def find(self, camera_id: str, rule_id: str, key: str) -> OpenIncident | None:
        """The incident that the judge of this rule calls `key`."""
        for incident in self._incidents:
            if (incident.camera_id, incident.rule_id, incident.key) == (camera_id, rule_id, key):
                return incident
        return None

    def open(self, camera_id: str, zone_id: str, rule_id: str, verdict: Verdict) -> tuple[OpenIncident, bool]:
        """The incident for an `open` verdict, and whether it is one from before a restart that was found again."""
        for orphan in self.orphans(camera_id):
            if orphan.rule_id == rule_id and _same_place(orphan.box, verdict.box):
                found = replace(orphan, key=verdict.key, box=verdict.box)
                self._store([found if i is orphan else i for i in self._incidents])
                return found, True
        incident = OpenIncident(
            self._ids.new(), camera_id, zone_id, rule_id, verdict.key, verdict.since.captured_at, verdict.box
        )
        self._store([*self._incidents, incident])
        return incident, False

    def orphans(self, camera_id: str) -> tuple[OpenIncident, ...]:
        """Incidents of a camera from before the last restart that no judge has found again."""
        return tuple(i for i in self._incidents if i.camera_id == camera_id and i.key is None)

    def close(self, incident: OpenIncident) -> None:
        """Forget an incident whose closing event is on disk."""
        self._store([i for i in self._incidents if i.incident_id != incident.incident_id])

    def _store(self, incidents: list[OpenIncident]) -> None:
        self._incidents = incidents
        rows = [
            asdict(i) | {"incident_id": str(i.incident_id), "opened_at": i.opened_at.isoformat()} for i in incidents
        ]
        try:
            _write_durably(self._path, json.dumps(rows))
        except OSError as error:
            log.error(
                "open incidents cannot be written to %s (%s): a restart now may open them twice", self._path, error
            )

    def _load(self) -> list[OpenIncident]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return [_from_row(row) for row in rows]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, OSError) as error:
            aside = self._path.with_name(f"{self._path.name}.corrupt-{self._clock.now():%Y%m%dT%H%M%S}")
            self._path.replace(aside)
            log.error(
                "open incidents in %s cannot be read (%s): moved to %s; incidents may open twice",
                self._path,
                error,
                aside,
            )
            return []


def _write_durably(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _from_row(row: dict[str, object]) -> OpenIncident:
    box = row["box"]
    return OpenIncident(
        incident_id=UUID(str(row["incident_id"])),
        camera_id=str(row["camera_id"]),
        zone_id=str(row["zone_id"]),
        rule_id=str(row["rule_id"]),
        key=None,
        opened_at=datetime.fromisoformat(str(row["opened_at"])),
        box=PictureBox(**box) if isinstance(box, dict) else None,
    )


def _same_place(before: PictureBox | None, now: PictureBox | None) -> bool:
    if before is None or now is None:
        return before is now
    return before.iou(now) >= SAME_PLACE_IOU
