"""The incidents that are open on this box; a restart finds them again, so that one parked car is not two cases."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from edge_agent.clock import Ids
from edge_agent.outbox.rows import IncidentRow
from edge_agent.types import FrameTime, PictureBox, Verdict

SAME_PLACE_IOU = 0.3
# A restart, an update or a short power cut; after more than that another car may stand in the same place.
SAME_WITHIN = timedelta(minutes=15)
WRITE_EVERY_S = 60.0


class Rows(Protocol):
    """The open incidents on disk, which the events of the outbox keep up to date."""

    def all(self) -> list[IncidentRow]:
        """Every open incident, oldest first; may raise OutboxError."""
        ...

    def touch(self, seen_at: Mapping[UUID, datetime]) -> None:
        """Note until when incidents were watched; may raise OutboxError."""
        ...


class OpenIncidents:
    """All open incidents of a box, as the judges name them; used by one thread.

    It only remembers: the event that opens, changes or closes an incident writes its row, in one transaction. What a
    crash leaves behind are the rows whose closing event is not on disk; after a restart they are orphans.

    Raises:
        OutboxError: the rows cannot be read.
    """

    def __init__(self, rows: Rows, ids: Ids) -> None:
        self._rows = rows
        self._ids = ids
        self._orphans = {row.incident_id: row for row in rows.all()}
        self._named: dict[tuple[str, str, str], IncidentRow] = {}
        self._looked_at: dict[str, datetime] = {}
        self._written_s: float | None = None

    def find(self, camera_id: str, rule_id: str, key: str) -> IncidentRow | None:
        """The incident that the judge of this rule calls `key`."""
        return self._named.get((camera_id, rule_id, key))

    def orphans(self, camera_id: str | None = None) -> tuple[IncidentRow, ...]:
        """Incidents of one camera, or of all, from before the last restart that no judge has found again."""
        return tuple(row for row in self._orphans.values() if camera_id in {None, row.camera_id})

    def orphan_at(self, camera_id: str, zone_id: str, rule_id: str, box: PictureBox | None) -> IncidentRow | None:
        """The orphan of a rule at this place, the youngest when there are several."""
        here = [
            row
            for row in self.orphans(camera_id)
            if (row.zone_id, row.rule_id) == (zone_id, rule_id) and _same_place(row.box, box)
        ]
        return max(here, key=lambda row: row.last_seen_at, default=None)

    def adopt(self, orphan: IncidentRow, verdict: Verdict) -> None:
        """Go on with an orphan under the name that the judge has for it now."""
        del self._orphans[orphan.incident_id]
        self._named[orphan.camera_id, orphan.rule_id, verdict.key] = replace(orphan, box=verdict.box)

    def open(self, camera_id: str, zone_id: str, rule_id: str, finding: str, verdict: Verdict) -> IncidentRow:
        """A new incident for an `open` verdict."""
        opened_at, seen_at = verdict.since.captured_at, verdict.time.captured_at
        row = IncidentRow(self._ids.new(), camera_id, zone_id, rule_id, finding, opened_at, seen_at, verdict.box)
        self._named[camera_id, rule_id, verdict.key] = row
        return row

    def close(self, incident: IncidentRow) -> None:
        """Forget an incident; its row goes with the closing event."""
        self._orphans.pop(incident.incident_id, None)
        self._named = {name: row for name, row in self._named.items() if row.incident_id != incident.incident_id}

    def looked(self, camera_id: str, time: FrameTime) -> None:
        """Note that the camera's open incidents were watched until now; on disk at most once a minute.

        Raises:
            OutboxError: the disk took it not; the next try is a minute later.
        """
        self._looked_at[camera_id] = time.captured_at
        if self._written_s is None:
            self._written_s = time.monotonic_s
        if time.monotonic_s - self._written_s < WRITE_EVERY_S:
            return
        self._written_s = time.monotonic_s
        seen_at = {
            row.incident_id: self._looked_at[row.camera_id]
            for row in self._named.values()
            if row.camera_id in self._looked_at
        }
        if seen_at:
            self._rows.touch(seen_at)


def may_be_same(orphan: IncidentRow, since: datetime) -> bool:
    """Whether what is seen in the orphan's place since `since` can be the same thing; a clock set back counts alike."""
    return abs(since - orphan.last_seen_at) <= SAME_WITHIN


def _same_place(before: PictureBox | None, now: PictureBox | None) -> bool:
    if before is None or now is None:
        return before is now
    return before.iou(now) >= SAME_PLACE_IOU
