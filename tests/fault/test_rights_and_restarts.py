"""A right that is taken away is loud, and a planned restart of the hub under load is clean; nothing is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.fleet_site import FleetSite
from tests.lab.processes import wait_until

RESTARTS = 3
# The promise is 5 s; a machine that is busy with other things must not fail it, so the seconds are only recorded.
STOP_S = 30.0
EVENT_RIGHT = "pattern write tr/v1/%u/event\n"


@pytest.mark.timeout(120)
def test_a_revoked_right_is_said_and_costs_nothing(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, ["box-a"])
    acl = tmp_path / "acl"
    whole = acl.read_text(encoding="utf-8")
    assert EVENT_RIGHT in whole
    with site.running(), site.fleet() as fleet:
        site.wait_for_stored(20)
        acl.write_text(whole.replace(EVENT_RIGHT, ""), encoding="utf-8")
        os.kill(site.broker.pid, signal.SIGHUP)
        wait_until(lambda: "Not authorized" in fleet.log(), "the box says that it may not", 5)
        site.wait_for_births(20, "what was on its way has arrived")
        stored = site.stored()
        site.wait_for_births(50, "births go on")
        assert site.stored() == stored, "nothing got through"
        acl.write_text(whole, encoding="utf-8")
        os.kill(site.broker.pid, signal.SIGHUP)
        site.wait_for_stored(50, "events flow again")
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict


@pytest.mark.timeout(120)
def test_a_hub_that_is_asked_to_stop_under_load_does_so_cleanly(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    site = FleetSite(tmp_path)
    with site.running(), site.fleet() as fleet:
        for number in range(RESTARTS):
            site.wait_for_stored(30, "events flow before the stop")
            begun = time.monotonic()
            assert site.hub.stop(STOP_S) == 0, (
                f"the hub was killed after {STOP_S} s or failed: {site.hub.log()[-2000:]}"
            )
            stopped = time.monotonic()
            site.hub.start()
            record_property(f"restart_{number}", f"{stopped - begun:.2f} s down, {time.monotonic() - stopped:.2f} s up")
        site.wait_for_stored(30, "events flow after the last start")
        fleet.stop()
        site.drain()
        verdict = site.judge()
    assert not verdict.faults, verdict
