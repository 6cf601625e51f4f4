"""Power cuts of a box that keeps events with pictures: every row that was kept is there, with whole pictures."""

import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.outbox.store import Outbox
from tests.lab.fixtures import peer_or_skip
from tests.lab.oracle import Boxes, Truth
from tests.lab.peers import ROOT
from tests.lab.powercut import Disk
from tests.lab.processes import ManagedProcess, wait_until

CUTS = 30
LEAST_BIRTHS = 200
SEED = 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with peer_or_skip():
        disk = Disk(tmp_path)
        stack = disk.__enter__()
    yield stack
    disk.__exit__()


def writing_box(disk: Disk, folder: Path, births: Path, sabotage: str = "") -> ManagedProcess:
    command = [sys.executable, "-m", "tests.lab.writing_box", disk.root / "box", births, sabotage]
    return ManagedProcess("writing-box", command, folder, {"PYTHONPATH": str(ROOT)})


def born(births: Path) -> int:
    return births.read_bytes().count(b'"born"') if births.exists() else 0


def cut(disk: Disk, folder: Path, births: Path, after: int, sabotage: str = "") -> tuple[Truth, list[str]]:
    """One life and its power cut: what was noted, and what is wrong on the disk afterwards."""
    before = born(births)
    with writing_box(disk, folder, births, sabotage) as box:
        wait_until(lambda: born(births) >= before + after, "events are born before the cut")
        with disk.after_cut(box) as root:
            assert not box.running
            truth = Truth.read([births])
            return truth, faults(root / "box", truth)


def faults(box: Path, truth: Truth) -> list[str]:
    path = box / "box-a" / "outbox.sqlite"
    outbox = Outbox(path, SystemClock())
    counts = outbox.counts()
    wrong = [] if outbox.moved_aside is None else [outbox.moved_aside]
    outbox.close()
    if not counts.adds_up:
        wrong.append(f"{counts} do not add up")
    held = Boxes.read([path])
    wrong += [f"event {event_id} is lost" for event_id in truth.born - truth.settling - held.kept]
    wrong += [f"event {event_id} is a phantom" for event_id in held.kept - set(truth.intents)]
    for sha256 in held.waiting:
        picture = box / "box-a" / "evidence" / sha256[:2] / f"{sha256}.jpg"
        if not picture.is_file() or hashlib.sha256(picture.read_bytes()).hexdigest() != sha256:
            wrong.append(f"picture {sha256} is missing or damaged")
    return wrong


@pytest.mark.timeout(300)
def test_what_was_kept_survives_every_cut(disk: Disk, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    births = tmp_path / "births.jsonl"
    for number in range(CUTS):
        truth, wrong = cut(disk, tmp_path, births, chance.randint(5, 60))
        assert not wrong, f"cut {number}: {wrong[:5]}"
    assert len(truth.born) > LEAST_BIRTHS
    assert truth.settling, "some events were settled before the cut"


@pytest.mark.parametrize("sabotage", ["everything", "fsync"])
def test_the_cut_finds_what_was_not_synced(disk: Disk, tmp_path: Path, sabotage: str) -> None:
    births = tmp_path / "births.jsonl"
    for _ in range(5):
        _, wrong = cut(disk, tmp_path, births, 40, sabotage)
        if wrong:
            return
    pytest.fail("five cuts of a box that syncs nothing took nothing away: the cut is none")
