"""Full disks, the box's and the hub's: nothing is acked that is not stored, all goes on when there is room again."""

from pathlib import Path

import pytest

from tests.lab.fixtures import peer_or_skip
from tests.lab.fleet_site import FleetSite
from tests.lab.powercut import fill, free_bytes, tmpfs
from tests.lab.processes import wait_until

BUDGET = 5_000_000
SHED_IN_ORDER = ("pictures of ordinary findings", "pictures of severe findings", "events of ordinary findings")


@pytest.mark.timeout(180)
def test_a_full_disk_of_the_box(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, ["box-a"])
    with peer_or_skip():
        disk = tmpfs(tmp_path / "boxes", "6m")
        disk.__enter__()
    try:
        with site.running(), site.fleet(rate=60) as fleet:
            site.hub.kill()
            site.wait_for_births(20)
            filler = fill(site.boxes_folder)
            wait_until(lambda: "wait in memory" in fleet.log(), "the box says that its disk is full")
            assert free_bytes(site.boxes_folder) == 0
            assert fleet.running
            at_most = site.born()
            filler.unlink()
            site.hub.start()
            wait_until(lambda: site.born() > at_most, "what waited in memory is kept", 30)
            fleet.stop()
            site.drain()
            verdict = site.judge()
    finally:
        disk.__exit__(None, None, None)
    assert not verdict.faults, verdict
    assert verdict.stored > at_most


@pytest.mark.timeout(180)
def test_a_box_over_its_budget_sheds_pictures_first_and_says_so(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, ["box-a"])
    with site.running(), site.fleet(rate=150, budget=BUDGET) as fleet:
        site.hub.kill()
        wait_until(lambda: "were let go of" in fleet.log(), "the box sheds", 60)
        fleet.stop()
        let_go = [line for line in fleet.log().splitlines() if "were let go of" in line]
        kinds = [next(kind for kind in SHED_IN_ORDER if kind in line) for line in let_go]
        assert kinds[0] == SHED_IN_ORDER[0]
        first = [kinds.index(kind) for kind in SHED_IN_ORDER if kind in kinds]
        assert first == sorted(first), f"not in the stated order: {kinds}"
        site.hub.start()
        site.drain()
        verdict = site.judge()
        told = site.oracle.rows("SELECT body FROM event WHERE kind = 'shed'")
    assert told, "the hub knows of it"
    assert not verdict.faults, verdict


@pytest.mark.timeout(180)
def test_a_full_disk_under_the_hub(tmp_path: Path) -> None:
    with peer_or_skip():
        disk = tmpfs(tmp_path / "hub", "40m")
        disk.__enter__()
    try:
        site = FleetSite(tmp_path)
        with site.running(), site.fleet(rate=60) as fleet:
            site.wait_for_stored(20)
            filler = fill(site.data_dir)
            assert free_bytes(site.data_dir) == 0
            wait_until(lambda: "the database does not take a batch" in site.hub.log(), "the hub has no room", 60)
            site.wait_for_births(60, "births go on")
            assert site.hub.running
            filler.unlink()
            site.wait_for_stored(60, "the hub takes events again")
            fleet.stop()
            site.drain()
            verdict = site.judge()
    finally:
        disk.__exit__(None, None, None)
    assert not verdict.faults, verdict
