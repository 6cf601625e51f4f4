"""A hub dies between receive, insert, commit and ack, many times: nothing is lost, nothing doubles, acks are true."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.lab.doomed_hub import HUB_POINTS
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import ROOT
from tests.lab.processes import ManagedProcess

DEATHS_EACH = 20
SEED = 5


@pytest.mark.timeout(600)
def test_deaths_at_every_step_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    site = FleetSite(tmp_path)
    report = tmp_path / "deaths"
    words = [site.hub.settings_path, report, DEATHS_EACH, SEED]
    command = [sys.executable, "-m", "tests.lab.doomed_hub", *words]
    with site.hub_proxy, site.mqtt_proxy, site.http_proxy, site.broker, site.fleet(rate=15) as fleet:
        with ManagedProcess("doomed-hub", command, tmp_path, {"PYTHONPATH": str(ROOT)}) as lives:
            lives.wait_for(lambda: not lives.running, "all lives ended", 540)
            assert lives.returncode == 0, lives.log()[-3000:]
        fleet.stop()
        with site.hub:
            site.drain()
        verdict = site.judge()
    deaths = Counter(report.read_text(encoding="utf-8").split())
    assert deaths == dict.fromkeys(HUB_POINTS, DEATHS_EACH), "each failpoint was hit"
    assert not verdict.faults, verdict
    assert verdict.stored > 0
