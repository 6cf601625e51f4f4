"""What was open before a restart: told as ended only for a reason, and after time in which somebody looked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge_agent.clock import SystemIds
from edge_agent.incidents import OpenIncidents
from edge_agent.orphans import GONE_AFTER_RESTART, MARGIN_S, Orphans, unconfigured
from edge_agent.outbox.rows import IncidentRow
from tests.unit.edge_agent.outbox.builders import incident
from tests.unit.edge_agent.scene_of_incidents import SPEC, START, at
from tests.unit.edge_agent.test_incidents import Rows

PATIENCE_S = 20 + 10 + MARGIN_S
VAN = replace(incident(1), opened_at=START, last_seen_at=START)
BAG = replace(VAN, zone_id="lawn", rule_id="litter", finding="litter")


def watched(row: IncidentRow) -> tuple[Orphans, OpenIncidents]:
    incidents = OpenIncidents(Rows(row), SystemIds())
    return Orphans(SPEC, incidents), incidents


def first_end(orphans: Orphans, seconds: list[float]) -> float | None:
    return next((second for second in seconds if orphans.ended(at(second))), None)


def test_an_orphan_is_gone_after_the_time_its_rule_needs_to_find_it() -> None:
    orphans, _ = watched(VAN)
    assert first_end(orphans, [100 + second for second in range(300)]) == 100 + PATIENCE_S
    assert orphans.ended(at(400)) == [(VAN, GONE_AFTER_RESTART)]


def test_time_without_a_look_counts_nothing() -> None:
    orphans, _ = watched(VAN)
    assert first_end(orphans, [100, 700, 1300, 3000, 9000]) is None
    assert first_end(orphans, [9000 + 10 * number for number in range(100)]) == 9000 + PATIENCE_S


def test_what_was_not_watched_for_long_is_closed_at_the_first_look_and_nobody_says_that_it_ended() -> None:
    orphans, _ = watched(VAN)
    ((orphan, limit),) = orphans.ended(at(15 * 60 + 1))
    assert orphan == VAN
    assert limit == (
        "the box was off or its camera blind from 2026-11-24T04:00:00+00:00; whether it ended is not known"
    )


def test_litter_outlasts_any_patience_and_is_closed_by_age_only() -> None:
    orphans, _ = watched(BAG)
    assert first_end(orphans, [60 * 60 + second for second in range(0, 3600, 5)]) is None
    assert orphans.ended(at(24 * 3600)) == []
    ((orphan, limit),) = orphans.ended(at(24 * 3600 + 1))
    assert (orphan, limit.split("; ")[1]) == (BAG, "whether it ended is not known")


def test_an_adopted_or_closed_orphan_is_not_closed_again() -> None:
    orphans, incidents = watched(VAN)
    incidents.close(VAN)
    assert first_end(orphans, [100 + second for second in range(300)]) is None


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({}, None),
        ({"camera_id": "gone"}, "camera gone no longer configured"),
        ({"rule_id": "gone"}, "rule gone no longer configured"),
        ({"zone_id": "lawn"}, "rule parking no longer configured"),
        ({"finding": "crowding"}, "rule parking no longer configured"),
    ],
)
def test_what_no_judge_can_find_again_is_named_with_the_reason(change: dict[str, str], limit: str | None) -> None:
    row = replace(VAN, last_seen_at=START + timedelta(days=9), **change)  # type: ignore[arg-type]
    _, incidents = watched(row)
    assert unconfigured(incidents, [SPEC]) == ([(row, limit)] if limit else [])


def test_a_rule_that_is_switched_off_finds_nothing_again() -> None:
    kerb = SPEC.zones[0]
    off = kerb.model_copy(update={"rules": (kerb.rules[0].model_copy(update={"enabled": False}),)})
    spec = SPEC.model_copy(update={"zones": (off, *SPEC.zones[1:])})
    _, incidents = watched(VAN)
    assert unconfigured(incidents, [spec]) == [(VAN, "rule parking no longer configured")]
