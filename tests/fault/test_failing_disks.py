"""A disk of the box that fails at write, fsync, rename or delete: no event is lost, each missing picture is told."""

import errno
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from edge_agent.outbox.budget import DiskLimits
from edge_agent.waiting import NOT_KEPT
from scripts.births import Births
from scripts.simulated_box import Home, Peers, SimulatedBox
from tests.lab.failing_disk import failing
from tests.lab.fleet_site import FleetSite
from tests.lab.oracle import json_column
from tests.lab.processes import wait_until

WRITING = ("write", "fsync", "rename", "folder_fsync")
INCIDENTS = 4
EVENTS = 3 * INCIDENTS
BUDGET = 600_000
KEEPALIVE_S = 4


@contextmanager
def box_of(site: FleetSite, births: Births, limits: DiskLimits | None = None) -> Iterator[SimulatedBox]:
    """One life of box-a in this process, where its disk can be made to fail."""
    hub = f"http://127.0.0.1:{site.http_proxy.port}"
    peers = Peers("127.0.0.1", site.mqtt_proxy.port, hub, KEEPALIVE_S)
    home = Home(site.boxes_folder, limits)
    box = SimulatedBox("box-a", SecretStr(site.tokens["box-a"]), peers, home, births)
    box.start()
    try:
        yield box
    finally:
        box.stop()


def report(box: SimulatedBox) -> None:
    """Whole incidents: of each the opening has a picture."""
    for _ in range(EVENTS):
        box.bear()


def in_memory(box: SimulatedBox) -> int:
    """How many events wait for the disk, after another try where one is due."""
    box._waiting.flush()
    return len(box._waiting)


def pictures(site: FleetSite) -> Path:
    return site.boxes_folder / "box-a" / "evidence"


def picture_files(site: FleetSite) -> set[Path]:
    return set(pictures(site).glob("*/*"))


@pytest.fixture
def births(tmp_path: Path) -> Iterator[Births]:
    notes = Births(tmp_path / "box.births.jsonl")
    yield notes
    notes.close()


@pytest.fixture
def site(tmp_path: Path) -> FleetSite:
    site = FleetSite(tmp_path, ["box-a"])
    site.births_paths.append(tmp_path / "box.births.jsonl")
    return site


def openings(site: FleetSite) -> list[tuple[int, bool]]:
    """Of each opening that reached the hub: how many pictures it names, and whether it says that one is missing."""
    bodies = [json_column(row[0]) for row in site.oracle.rows("SELECT body FROM event WHERE kind = 'finding'")]
    opened = [body for body in bodies if body["phase"] == "open"]
    return [(len(body["evidence"]), NOT_KEPT in body["limits"]) for body in opened]


@pytest.mark.timeout(120)
def test_no_room_at_any_step_makes_events_wait_and_costs_no_picture(site: FleetSite, births: Births) -> None:
    with site.running(), box_of(site, births) as box:
        for step in WRITING:
            born, files = box.counts()["born"], picture_files(site)
            with failing(pictures(site), step, errno.ENOSPC) as disk:
                report(box)
                assert disk.failures, f"{step} did not fail"
                assert in_memory(box) == EVENTS, step
                assert box.counts()["born"] == born, step
                assert picture_files(site) <= files, f"{step} leaves half a picture"
            wait_until(lambda: in_memory(box) == 0, f"what waited in memory for {step} is on disk")
        wait_until(lambda: not box.waits, "everything is settled", 60)
    verdict = site.judge()
    assert not verdict.faults, verdict
    assert openings(site) == [(1, False)] * INCIDENTS * len(WRITING)


@pytest.mark.timeout(120)
def test_a_bad_disk_costs_pictures_alone_and_each_event_says_so(site: FleetSite, births: Births) -> None:
    with site.running():
        for step in WRITING:
            # After a failed fsync nobody knows what the disk holds, until the agent starts again.
            with box_of(site, births) as box:
                report(box)
                born = box.counts()["born"]
                with failing(pictures(site), step, errno.EIO) as disk:
                    report(box)
                    assert disk.failures, f"{step} did not fail"
                    assert box.counts()["born"] == born + EVENTS, f"no event waits for a picture: {step}"
                wait_until(lambda: not box.waits, "everything is settled", 60)  # noqa: B023
    verdict = site.judge()
    assert not verdict.faults, verdict
    found = Counter(openings(site))
    assert found == {(1, False): INCIDENTS * len(WRITING), (0, True): INCIDENTS * len(WRITING)}


@pytest.mark.timeout(120)
def test_a_disk_that_deletes_nothing_keeps_the_shedding_told_and_is_swept_when_it_can_again(
    site: FleetSite, births: Births
) -> None:
    with site.running():
        site.hub.kill()
        with box_of(site, births, DiskLimits(BUDGET, reserve=0)) as box:
            with failing(pictures(site), "delete", errno.EIO) as disk:
                while box._store.used_bytes() <= BUDGET:
                    report(box)
                wait_until(lambda: disk.failures, "the box wants to delete", 30)
                report(box)
            site.hub.start()
            wait_until(lambda: not box.waits, "everything is settled", 60)
            wait_until(lambda: not picture_files(site), "all is deleted", 60)
    verdict = site.judge()
    assert not verdict.faults, verdict
    told = site.oracle.rows("SELECT body FROM event WHERE kind = 'shed'")
    assert told, "the hub knows of what was let go of"
