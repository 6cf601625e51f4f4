"""The box's wall clock jumps by hours, days and decades: nothing is lost, the order is by seq, no time is negative."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.clocks import FakedClock
from tests.lab.fixtures import peer_or_skip
from tests.lab.fleet_site import FleetSite
from tests.lab.oracle import plain

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
JUMPS = {
    "an hour ahead": NOW + timedelta(hours=1),
    "an hour behind": NOW - timedelta(hours=1),
    "a day ahead": NOW + timedelta(days=1),
    "a day behind": NOW - timedelta(days=1),
    "1970": datetime(1970, 1, 2, tzinfo=UTC),
    "2038": datetime(2038, 1, 19, 3, 14, 5, tzinfo=UTC),
    "an NTP step": NOW,
}


@pytest.mark.timeout(180)
def test_jumps_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    with peer_or_skip():
        clock = FakedClock(tmp_path / "clock")
    site = FleetSite(tmp_path, ["box-a"])
    clock.jump(NOW)
    with site.running():
        with site.fleet(rate=40, env=clock.env) as fleet:
            for moment in JUMPS.values():
                clock.jump(moment)
                site.wait_for_births(12)
            fleet.stop()
        site.drain()
        verdict = site.judge()
        rows = site.oracle.rows("SELECT boot_id, seq, emitted_at FROM event ORDER BY boot_id, seq")
        cases = site.oracle.rows("SELECT opened_at, cleared_at FROM grid_case WHERE cleared_at IS NOT NULL")
    years = {str(emitted_at)[:4] for _, _, emitted_at in rows}
    assert {"1970", "2026", "2038"} <= years, "the clock did not jump"
    assert not verdict.faults, verdict
    for boot in {plain(row[0]) for row in rows}:
        seqs = [row[1] for row in rows if plain(row[0]) == boot]
        assert seqs == list(range(1, len(seqs) + 1)), "a boot's events are 1, 2, 3... whatever the clock says"
    assert len(cases) > 10
    negative = [case for case in cases if str(case[0]) > str(case[1])]
    assert not negative, "cases that ended before they began"
