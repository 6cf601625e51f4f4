"""Decides what becomes of incidents from before a restart that no judge finds again."""

from collections.abc import Iterable
from datetime import timedelta

from camera_configs.camera import CameraSpec
from camera_configs.rules import RuleBase
from edge_agent.incidents import OpenIncidents, may_be_same
from edge_agent.outbox.rows import IncidentRow
from edge_agent.types import FrameTime
from mqtt.messages import Finding

MARGIN_S = 60.0
MAX_GAP_S = 10.0
# The clean reference is learned anew after a restart, with the thing in it: that it is not found says nothing.
LITTER_KEPT = timedelta(hours=24)
GONE_AFTER_RESTART = "not seen again after a restart of the box"


def ended_unknown(orphan: IncidentRow) -> str:
    """The limit of an incident that nobody watched for too long to say what became of it."""
    since = orphan.last_seen_at.isoformat(timespec="seconds")
    return f"the box was off or its camera blind from {since}; whether it ended is not known"


def unconfigured(incidents: OpenIncidents, cameras: Iterable[CameraSpec]) -> list[tuple[IncidentRow, str]]:
    """The orphans that no judge can find again because their camera or rule is gone or off, each with its limit."""
    specs = {camera.id: camera for camera in cameras}
    gone = []
    for orphan in incidents.orphans():
        spec = specs.get(orphan.camera_id)
        if spec is None:
            gone.append((orphan, f"camera {orphan.camera_id} no longer configured"))
        elif _name(orphan) not in _rules(spec):
            gone.append((orphan, f"rule {orphan.rule_id} no longer configured"))
    return gone


class Orphans:
    """The orphans of one camera; only time in which somebody looked at it counts against them."""

    def __init__(self, spec: CameraSpec, incidents: OpenIncidents) -> None:
        self._camera_id = spec.id
        self._rules = _rules(spec)
        self._incidents = incidents
        self._first: FrameTime | None = None
        self._last_s = 0.0
        self._looked_s = 0.0

    def ended(self, time: FrameTime) -> list[tuple[IncidentRow, str]]:
        """The orphans to be closed after a look at `time`, each with the limit that says why."""
        if self._first is None:
            self._first, self._last_s = time, time.monotonic_s
        gap_s, self._last_s = time.monotonic_s - self._last_s, time.monotonic_s
        if 0 < gap_s <= MAX_GAP_S:
            self._looked_s += gap_s
        orphans = self._incidents.orphans(self._camera_id)
        return [(orphan, limit) for orphan in orphans if (limit := self._limit(orphan, self._first, time))]

    def _limit(self, orphan: IncidentRow, first: FrameTime, now: FrameTime) -> str | None:
        if orphan.finding == Finding.LITTER:
            return ended_unknown(orphan) if now.captured_at - orphan.last_seen_at > LITTER_KEPT else None
        if not may_be_same(orphan, first.captured_at):
            return ended_unknown(orphan)
        rule = self._rules.get(_name(orphan))
        if rule is None or self._looked_s < _time_to_find(rule):
            return None
        return GONE_AFTER_RESTART


def _name(orphan: IncidentRow) -> tuple[str, str, str]:
    return orphan.zone_id, orphan.rule_id, orphan.finding


def _rules(spec: CameraSpec) -> dict[tuple[str, str, str], RuleBase]:
    return {(zone.id, rule.id, rule.kind): rule for zone in spec.zones for rule in zone.rules if rule.enabled}


def _time_to_find(rule: RuleBase) -> float:
    return float(getattr(rule, "dwell_s", 0.0) or getattr(rule, "hold_s", 0.0)) + rule.release_s + MARGIN_S
