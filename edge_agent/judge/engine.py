"""Runs all rules of one camera over what its zones held."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from camera_configs.camera import CameraSpec
from camera_configs.rules import CrowdingRule, LitterRule, Rule
from edge_agent.judge.crowding import CrowdingJudge
from edge_agent.judge.litter import LitterJudge
from edge_agent.judge.parking import ParkingJudge
from edge_agent.judge.schedule import holds
from edge_agent.types import Verdict, ZoneObservation

Judge = CrowdingJudge | ParkingJudge | LitterJudge
MAX_GAP_S = 10.0
OUT_OF_SCHEDULE = "the hours of this rule ended"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the rule and zone it comes from; `name` is crowding, illegal_parking or litter."""

    rule: Rule
    zone_id: str
    name: str
    verdict: Verdict


class CameraJudge:
    """All enabled rules of one camera; it knows no clock, only the times of what it is shown.

    Time between two looks counts only when they are at most `max_gap_s` apart.
    """

    def __init__(self, spec: CameraSpec, max_gap_s: float = MAX_GAP_S) -> None:
        self._time_zone = ZoneInfo(spec.time_zone)
        self._judges: dict[str, list[tuple[Rule, Judge]]] = {
            zone.id: [(rule, _judge(rule, max_gap_s)) for rule in zone.rules if rule.enabled] for zone in spec.zones
        }

    def observe(self, observation: ZoneObservation) -> list[Finding]:
        """What one look at one zone changes; a rule out of its hours ends what it has open.

        Raises:
            KeyError: the camera has no such zone.
        """
        findings = []
        for rule, judge in self._judges[observation.zone_id]:
            if holds(rule.schedule, self._time_zone, observation.time.captured_at):
                verdicts = judge.observe(observation)
            else:
                verdicts = judge.stop(observation.time, OUT_OF_SCHEDULE)
            findings += [Finding(rule, observation.zone_id, rule.kind, verdict) for verdict in verdicts]
        return findings


def _judge(rule: Rule, max_gap_s: float) -> Judge:
    if isinstance(rule, CrowdingRule):
        return CrowdingJudge(rule, max_gap_s)
    if isinstance(rule, LitterRule):
        return LitterJudge(rule, max_gap_s)
    return ParkingJudge(rule, max_gap_s)
