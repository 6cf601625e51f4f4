"""One flipped bit or a cut-off end, at 500 places: what was changed is never sent or shown as if it were right."""

import random
import shutil
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import EvidenceError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.outbox.ballast import BALLAST_BYTES
from edge_agent.outbox.store import Outbox
from edge_agent.types import StoredPicture
from scripts.simulated_box import small_jpeg, with_comment
from tests.unit.edge_agent.outbox.builders import event

OUTBOX_PLACES = 400
PICTURE_PLACES = 100
WAL_PLACES = 200
BALLAST_PLACES = 50
EVENTS = 40
SEED = 9


@pytest.fixture
def kept(tmp_path: Path) -> dict[UUID, bytes]:
    """The payloads of a stopped box's outbox in `tmp_path/whole`."""
    outbox = Outbox(tmp_path / "whole" / "outbox.sqlite", SystemClock())
    payloads = {}
    for seq in range(1, EVENTS + 1):
        new = event(seq, payload=random.Random(seq).randbytes(300))
        outbox.append(new)
        payloads[new.event_id] = new.payload
    outbox.close()
    return payloads


def hurt(path: Path, chance: random.Random) -> str:
    """Flip one bit, or in one of ten cases cut the end off."""
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    if chance.random() < 0.1:
        path.write_bytes(data[:at])
        return f"cut off at {at}"
    data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return f"bit of byte {at}"


def test_a_hurt_outbox_never_sends_anything_wrong_and_says_what_it_lost(
    tmp_path: Path, kept: dict[UUID, bytes]
) -> None:
    chance = random.Random(SEED)
    seen: Counter[str] = Counter()
    for number in range(OUTBOX_PLACES):
        folder = tmp_path / f"hurt-{number}"
        shutil.copytree(tmp_path / "whole", folder)
        where = hurt(folder / "outbox.sqlite", chance)
        seen[outcome(folder, kept, where)] += 1
        shutil.rmtree(folder)
    assert seen["moved aside"] > OUTBOX_PLACES / 10, seen
    assert seen["dead letter"] > OUTBOX_PLACES / 10, seen
    assert seen["all whole"], "bits of free pages hurt nobody"


def outcome(folder: Path, kept: dict[UUID, bytes], where: str) -> str:
    with closing(Outbox(folder / "outbox.sqlite", SystemClock())) as outbox:
        if outbox.moved_aside is not None:
            aside = [path for path in folder.iterdir() if ".damaged-" in path.name]
            assert aside, f"{where}: the damaged file is kept"
            assert outbox.counts().born == 0
            return "moved aside"
        due = {each.event_id: each.payload for each in outbox.due(1000, 1000)}
        assert due.items() <= kept.items(), f"{where}: a changed event would be sent"
        refused = outbox.counts().refused
        # A damaged event says so in the log and in the dead letters; none is missing in silence.
        assert len(due) + refused == len(kept), f"{where}: {len(kept) - len(due) - refused} events vanished in silence"
        return "dead letter" if refused else "all whole"


@pytest.fixture
def killed(tmp_path: Path) -> list[bytes]:
    """The payloads, in order, of a box that was killed: `tmp_path/killed` has most of them in the write-ahead log."""
    folder, payloads = tmp_path / "life", []
    with closing(Outbox(folder / "outbox.sqlite", SystemClock())) as outbox:
        for seq in range(1, EVENTS + 1):
            new = event(seq, payload=random.Random(seq).randbytes(300))
            outbox.append(new)
            payloads.append(new.payload)
        shutil.copytree(folder, tmp_path / "killed")
    return payloads


def test_a_hurt_log_takes_the_box_back_to_an_earlier_moment_and_never_makes_anything_wrong(
    tmp_path: Path, killed: list[bytes]
) -> None:
    """SQLite ends the log before the first frame whose checksum is wrong: only the newest events can go, in one piece.

    The box does not notice: a power cut leaves such a frame too. Measured: up to 6 of 40 events, all since the last
    checkpoint. What a state sent before had counted the hub can miss; what nobody was told of is gone unseen.
    """
    chance = random.Random(SEED + 2)
    kept_counts: Counter[int] = Counter()
    for number in range(WAL_PLACES):
        folder = tmp_path / f"hurt-{number}"
        shutil.copytree(tmp_path / "killed", folder)
        where = hurt(folder / "outbox.sqlite-wal", chance)
        with closing(Outbox(folder / "outbox.sqlite", SystemClock())) as outbox:
            if outbox.moved_aside is not None:
                kept_counts[-1] += 1
            else:
                due = [each.payload for each in outbox.due(1000, 1000)]
                assert due == killed[: len(due)], f"{where}: not an earlier moment"
                assert outbox.counts().born == len(due), f"{where}: the sums are of another moment"
                kept_counts[len(due)] += 1
        shutil.rmtree(folder)
    assert WAL_PLACES - kept_counts[EVENTS] > WAL_PLACES / 10, f"the flips hurt nobody: {kept_counts}"
    assert kept_counts[EVENTS], "bits of an older round of the log hurt nobody"


def test_a_hurt_ballast_hurts_nobody_and_is_whole_again(tmp_path: Path, killed: list[bytes]) -> None:
    chance = random.Random(SEED + 3)
    for number in range(BALLAST_PLACES):
        folder = tmp_path / f"hurt-{number}"
        shutil.copytree(tmp_path / "killed", folder)
        where = hurt(folder / "outbox.sqlite.ballast", chance)
        with closing(Outbox(folder / "outbox.sqlite", SystemClock())) as outbox:
            assert outbox.moved_aside is None, where
            assert [each.payload for each in outbox.due(1000, 1000)] == killed, where
            outbox.append(event(EVENTS + 1))
        assert (folder / "outbox.sqlite.ballast").stat().st_size == BALLAST_BYTES, where
        shutil.rmtree(folder)


def test_a_hurt_picture_is_never_shown(tmp_path: Path) -> None:
    chance = random.Random(SEED + 1)
    store = EvidenceStore(tmp_path / "evidence")
    jpeg = with_comment(small_jpeg(), b"one of a kind")
    for number in range(PICTURE_PLACES):
        stored: StoredPicture = store.put(jpeg, 64, 48, datetime(2026, 3, 1, tzinfo=UTC))
        path = tmp_path / "evidence" / stored.sha256[:2] / f"{stored.sha256}.jpg"
        where = hurt(path, chance)
        with pytest.raises(EvidenceError, match="damaged"):
            store.read(stored.sha256)
        store.put(jpeg, 64, 48, datetime(2026, 3, 1, tzinfo=UTC))
        assert store.read(stored.sha256) == jpeg, f"{number}: {where}: putting it again mends it"
