"""Runs all rules of one camera over what its zones held."""

import itertools
import math
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from camera_configs.camera import CameraSpec
from camera_configs.rules import CrowdingRule, LitterRule, Rule
from edge_agent.judge.crowding import CrowdingJudge
from edge_agent.judge.litter import LitterJudge
from edge_agent.judge.parking import ParkingJudge
from edge_agent.judge.schedule import holds
from edge_agent.types import Need, Verdict, ZoneObservation

Judge = CrowdingJudge | ParkingJudge | LitterJudge
OUT_OF_SCHEDULE = "the hours of this rule ended"
TOO_RARE = "the looks are too far apart to judge by this rule"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the rule and zone it comes from; `name` is crowding, illegal_parking or litter."""

    rule: Rule
    zone_id: str
    name: str
    verdict: Verdict


class CameraJudge:
    """All enabled rules of one camera; it knows no clock, only the times of what it is shown."""

    def __init__(self, spec: CameraSpec) -> None:
        self._time_zone = ZoneInfo(spec.time_zone)
        self._judges: dict[str, list[tuple[Rule, Judge]]] = {
            zone.id: [(rule, _judge(rule)) for rule in zone.rules if rule.enabled] for zone in spec.zones
        }

    @property
    def blind_rules(self) -> tuple[str, ...]:
        """The ids of the rules that open nothing at the present rate of looks, because these are too far apart."""
        return tuple(rule.id for judges in self._judges.values() for rule, judge in judges if judge.blind)

    def needs(self, at: datetime) -> Need:
        """How often the camera must be seen at `at` (aware), and when a look may decide something.

        A rule out of its hours needs nothing once nothing of it is open.
        """
        needs = []
        for rule, judge in itertools.chain.from_iterable(self._judges.values()):
            need = judge.need
            if need.suspects or holds(rule.schedule, self._time_zone, at):
                needs.append(need)
        return Need(
            every_s=min((need.every_s for need in needs if need.every_s is not None), default=None),
            suspects=any(need.suspects for need in needs),
            due_s=min((need.due_s for need in needs), default=math.inf),
        )

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
            if judge.blind:
                verdicts = [replace(verdict, limits=(*verdict.limits, TOO_RARE)) for verdict in verdicts]
            findings += [Finding(rule, observation.zone_id, rule.kind, verdict) for verdict in verdicts]
        return findings


def _judge(rule: Rule) -> Judge:
    if isinstance(rule, CrowdingRule):
        return CrowdingJudge(rule)
    if isinstance(rule, LitterRule):
        return LitterJudge(rule)
    return ParkingJudge(rule)
