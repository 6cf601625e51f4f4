"""A box dies at each step of its crash order, many times: what it had kept reaches the hub, once, with its pictures."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.lab.failpoints import BOX_POINTS
from tests.lab.fleet_site import FleetSite
from tests.lab.peers import ROOT
from tests.lab.processes import ManagedProcess

DEATHS_EACH = 20
BOXES = ("box-a", "box-b")
SEED = 3


def doomed(site: FleetSite, edge: str, seed: int) -> ManagedProcess:
    births = site.folder / f"{edge}.births.jsonl"
    site.births_paths.append(births)
    options = {
        "broker_port": site.broker.port,
        "hub_url": site.hub.url,
        "edge_id": edge,
        "token": site.tokens[edge],
        "folder": str(site.boxes_folder),
        "births": str(births),
        "report": str(site.folder / "deaths"),
        "rounds": DEATHS_EACH // len(BOXES),
        "seed": seed,
    }
    command = [sys.executable, "-m", "tests.lab.doomed_box", json.dumps(options)]
    return ManagedProcess(f"doomed-{edge}", command, site.folder, {"PYTHONPATH": str(ROOT)})


@pytest.mark.timeout(600)
def test_deaths_at_every_step_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, BOXES)
    with site.running():
        lives = [doomed(site, edge, SEED + number) for number, edge in enumerate(BOXES)]
        for life in lives:
            life.launch()
        for life in lives:
            life.wait_for(lambda: not life.running, "all lives ended", 540)  # noqa: B023
            assert life.returncode == 0, life.log()
        site.drain()
        verdict = site.judge()
        truth = site.truth()
    deaths = Counter((tmp_path / "deaths").read_text(encoding="utf-8").split())
    assert deaths == dict.fromkeys(BOX_POINTS, DEATHS_EACH), "each failpoint was hit"
    assert not verdict.faults, verdict
    assert verdict.stored >= len(truth.born) > 0
    assert verdict.unknown > 0, "no death fell between a commit and its note, where they were aimed"
