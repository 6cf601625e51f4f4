"""On a full disk nothing is half-written, what is there can still be settled, and all goes on when space is back."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import OutboxError
from edge_agent.evidence.store import DiskFullError, EvidenceStore
from edge_agent.outbox.budget import DiskBudget, DiskLimits
from edge_agent.outbox.rows import NewEvent
from edge_agent.outbox.store import Outbox
from edge_agent.types import Change
from edge_agent.waiting import Shot
from mqtt.messages import Phase
from tests.unit.edge_agent.outbox.builders import START, ManualClock, event, picture
from tests.unit.edge_agent.scene_of_incidents import PARKING, box_on, verdict

pytestmark = pytest.mark.needs_root
DISK = "8m"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 4096)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return filler


def append_until_refused(outbox: Outbox, kept: list[NewEvent]) -> str:
    while True:
        new = event(len(kept) + 1, payload=b"l" * 30_000)
        try:
            outbox.append(new)
        except OutboxError as error:
            return str(error)
        kept.append(new)


def test_a_full_disk_refuses_loudly_settles_and_recovers(disk: Path) -> None:
    clock = ManualClock()
    outbox = Outbox(disk / "outbox.sqlite", clock)
    kept = [event(seq, payload=b"p" * 3000) for seq in range(1, 101)]
    for each in kept:
        outbox.append(each, [picture(each.event_id.bytes)])
    filler = fill(disk)

    for _ in range(3):
        assert "the disk is full" in append_until_refused(outbox, kept)
    assert outbox.counts().born == len(kept)
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    assert free < len(kept[-1].payload) * 3

    assert outbox.settle([each.event_id for each in kept[:25]]) == 25
    for each in kept[25:50]:
        assert outbox.settle([each.event_id]) == 1
        outbox.pictures.mark_uploaded(picture(each.event_id.bytes).sha256)
    assert "full" in append_until_refused(outbox, kept)
    assert outbox.counts().adds_up

    filler.unlink()
    kept.append(event(len(kept) + 1))
    outbox.append(kept[-1])
    outbox.close()
    again = Outbox(disk / "outbox.sqlite", clock)
    assert again.moved_aside is None
    assert [due.event_id for due in again.due(1000, 1000)] == [each.event_id for each in kept[50:]]
    counts = again.counts()
    assert (counts.born, counts.acked, counts.shed) == (len(kept), 50, 0)
    assert counts.adds_up
    again.close()


def test_a_picture_that_does_not_fit_leaves_nothing_behind(disk: Path) -> None:
    store = EvidenceStore(disk / "evidence")
    first = store.put(b"first", 4, 3, START)
    filler = fill(disk)
    with pytest.raises(DiskFullError, match="No space"):
        store.put(b"x" * 100_000, 4, 3, START)
    assert [path.name for path in (disk / "evidence").rglob("*") if path.is_file()] == [f"{first.sha256}.jpg"]
    filler.unlink()
    second = store.put(b"x" * 100_000, 4, 3, START)
    assert store.read(second.sha256) == b"x" * 100_000


def test_a_finding_on_a_full_disk_waits_whole_and_is_told_when_there_is_room(disk: Path) -> None:
    with box_on(disk) as box:
        filler = fill(disk)
        picture_of_100_kb = Shot(b"x" * 100_000, 4, 3, START)
        for change in (Change.OPEN, Change.CLOSE):
            box.reporter.report(PARKING, verdict(change, 20), lambda: picture_of_100_kb)
        assert (box.bodies(), len(box.waiting), box.waiting.flush_now()) == ([], 2, 2)
        assert box.outbox.incidents.all() == []
        filler.unlink()
        assert box.waiting.flush_now() == 0
        assert [(body.phase, len(body.evidence), body.limits) for body in box.bodies()] == [
            (Phase.OPEN, 1, ()),
            (Phase.CLOSE, 1, ()),
        ]


def test_on_a_disk_filled_by_others_the_budget_makes_room_and_what_waited_is_kept(disk: Path) -> None:
    with box_on(disk) as box:
        for seconds in range(20):
            large = Shot(seconds.to_bytes(1, "big") * 200_000, 4, 3, START)
            box.reporter.report(PARKING, verdict(Change.OPEN, seconds, str(seconds)), lambda shot=large: shot)  # type: ignore[misc]
        fill(disk)
        late = Shot(b"l" * 200_000, 4, 3, START)
        box.reporter.report(PARKING, verdict(Change.OPEN, 21, "late"), lambda: late)
        assert len(box.waiting) == 1

        def free() -> int:
            return os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize

        DiskBudget(box.emitter, box.outbox, box.store, DiskLimits(10**9, 1_000_000), free).check()
        assert box.waiting.flush_now() == 0
        assert len(box.bodies()) == 21
        counts = box.outbox.counts()
        assert (counts.born, counts.shed) == (22, 0)
        assert counts.adds_up
        pending = box.outbox.pictures.pending(100)
        assert 21 - 8 <= len(pending) < 21
        assert all(box.store.read(sha256) for sha256 in pending)
