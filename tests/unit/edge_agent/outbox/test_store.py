"""The outbox keeps, orders, settles and refuses events, and says what became of a damaged file."""

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.errors import OutboxError
from edge_agent.outbox import pictures as pictures_module
from edge_agent.outbox import store as store_module
from edge_agent.outbox.rows import Counts
from edge_agent.outbox.store import Outbox
from tests.unit.edge_agent.outbox.builders import BOOT, IDS, ManualClock, dead_letters, event, picture, refused_pictures

WINDOW = 64


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox" / "events.sqlite"


@pytest.fixture
def outbox(path: Path, clock: ManualClock) -> Iterator[Outbox]:
    box = Outbox(path, clock)
    yield box
    box.close()


def seqs(outbox: Outbox, window: int = WINDOW) -> list[int]:
    return [due.seq for due in outbox.due(window, window)]


def test_oldest_first_by_boot_then_seq_although_a_later_boot_has_a_smaller_id(outbox: Outbox) -> None:
    smaller = UUID(int=1)
    for each in (event(1), event(2), event(1, boot=smaller), event(3)):
        outbox.append(each)
    assert seqs(outbox) == [1, 2, 3, 1]


def test_severe_events_overtake(outbox: Outbox) -> None:
    for seq, severity in enumerate((0, 2, 3, 1, 4), start=1):
        outbox.append(event(seq, severity))
    assert seqs(outbox) == [3, 5, 1, 2, 4]


def test_the_window_counts_what_is_on_its_way(outbox: Outbox, clock: ManualClock) -> None:
    events = [event(seq) for seq in range(1, 6)]
    for each in events:
        outbox.append(each)
    outbox.mark_sent({events[0].event_id: 110.0, events[1].event_id: 120.0})
    assert seqs(outbox, window=3) == [3]
    assert outbox.next_due_s() == 10.0
    clock.advance(10.0)
    assert seqs(outbox, window=3) == [1, 3]


def test_put_back_waits_for_its_time_and_ignores_an_older_attempt(outbox: Outbox, clock: ManualClock) -> None:
    one = event(1)
    outbox.append(one)
    outbox.mark_sent({one.event_id: 200.0})
    outbox.mark_sent({one.event_id: 200.0})
    assert not outbox.put_back(one.event_id, 1, 0.0)
    assert outbox.put_back(one.event_id, 2, 105.0)
    assert seqs(outbox) == []
    clock.advance(5.0)
    assert seqs(outbox) == [1]


def test_settling_is_idempotent_and_ignores_strangers(outbox: Outbox) -> None:
    one, two = event(1), event(2)
    outbox.append(one)
    outbox.append(two)
    assert outbox.settle([one.event_id, IDS.new()]) == 1
    assert outbox.settle([one.event_id]) == 0
    assert outbox.counts() == Counts(born=2, pending=1, sent=0, acked=1, refused=0, shed=0)


def test_a_refused_event_is_a_dead_letter_with_its_reason(outbox: Outbox) -> None:
    one = event(1)
    outbox.append(one)
    assert outbox.event_of_payload(hashlib.sha256(one.payload).hexdigest()) == one.event_id
    assert outbox.refuse(one.event_id, "invalid", "score: too big")
    assert not outbox.refuse(one.event_id, "invalid", "score: too big")
    assert dead_letters(outbox) == [(one.event_id, one.payload, "invalid", "score: too big")]
    assert outbox.counts().refused == 1
    assert outbox.counts().adds_up


def test_only_the_newest_dead_letters_stay(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DEAD_LETTERS_KEPT", 3)
    events = [event(seq) for seq in range(1, 8)]
    for each in events:
        outbox.append(each)
        outbox.refuse(each.event_id, "invalid", "")
    assert [event_id for event_id, *_ in dead_letters(outbox)] == [each.event_id for each in events[-3:]]
    assert outbox.counts().refused == 7
    assert outbox.counts().adds_up


def test_only_the_newest_refused_pictures_stay_and_the_files_of_others_may_go(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures_module, "REFUSED_KEPT", 2)
    names = [picture(bytes([number])) for number in range(5)]
    outbox.append(event(1), names)
    for each in names[:4]:
        outbox.pictures.refuse(each.sha256, "HTTP 413")
    assert list(refused_pictures(outbox)) == [each.sha256 for each in names[2:4]]
    assert outbox.pictures.done(10) == [each.sha256 for each in names[:2]]
    assert outbox.pictures.pending(10) == [names[4].sha256]


def test_a_picture_is_named_until_it_is_let_go_of(outbox: Outbox) -> None:
    one = picture(b"a").sha256
    assert not outbox.pictures.names(one)
    outbox.append(event(1), [picture(b"a")])
    assert outbox.pictures.names(one)
    outbox.pictures.mark_uploaded(one)
    outbox.pictures.forget(one)
    assert not outbox.pictures.names(one)


def test_an_event_twice_is_refused_and_counted_once(outbox: Outbox) -> None:
    outbox.append(event(1), [picture(b"a")])
    with pytest.raises(OutboxError, match="UNIQUE"):
        outbox.append(event(1), [picture(b"b")])
    assert outbox.counts().born == 1
    assert outbox.pictures.pending(10) == [picture(b"a").sha256]


def test_pictures_come_oldest_first_and_leave_in_two_steps(outbox: Outbox) -> None:
    first, second, third = (picture(bytes([n])) for n in (9, 1, 5))
    outbox.append(event(1), [first, second])
    outbox.append(event(2), [second, third])
    assert outbox.pictures.pending(2) == [first.sha256, second.sha256]
    outbox.pictures.forget(first.sha256)
    outbox.pictures.mark_uploaded(first.sha256)
    outbox.pictures.refuse(second.sha256, "HTTP 413: too large")
    assert outbox.pictures.pending(10) == [third.sha256]
    assert outbox.pictures.done(10) == [first.sha256]
    assert refused_pictures(outbox) == {second.sha256: "HTTP 413: too large"}
    outbox.pictures.forget(first.sha256)
    assert outbox.pictures.done(10) == []


def test_a_restart_keeps_all_and_sends_the_unsettled_again(outbox: Outbox, path: Path, clock: ManualClock) -> None:
    events = [event(seq) for seq in range(1, 5)]
    for each in events:
        outbox.append(each)
    outbox.mark_sent({each.event_id: 1e9 for each in events})
    outbox.settle([events[0].event_id])
    outbox.refuse(events[1].event_id, "conflict", "")
    outbox.close()
    again = Outbox(path, clock)
    assert seqs(again) == [3, 4]
    assert again.last_seq(BOOT) == 4
    assert again.last_seq(IDS.new()) == 0
    assert again.counts() == Counts(born=4, pending=2, sent=0, acked=1, refused=1, shed=0)
    again.close()


def test_a_second_agent_on_the_same_file_is_refused(outbox: Outbox, path: Path, clock: ManualClock) -> None:
    outbox.append(event(1))
    with pytest.raises(OutboxError, match="another process has this outbox open"):
        Outbox(path, clock)
    assert outbox.counts().born == 1


def test_a_file_of_newer_software_is_left_alone(path: Path, clock: ManualClock, outbox: Outbox) -> None:
    outbox.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(OutboxError, match="schema 99"):
        Outbox(path, clock)


@pytest.mark.parametrize("damage", ["noise", "empty", "cut", "foreign"])
def test_a_damaged_file_is_kept_aside_and_reported(path: Path, clock: ManualClock, outbox: Outbox, damage: str) -> None:
    for seq in range(1, 200):
        outbox.append(event(seq, payload=b"x" * 500 + str(seq).encode()))
    outbox.close()
    whole = path.read_bytes()
    if damage == "foreign":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE somebody_else (a)")
        db.close()
    else:
        path.write_bytes({"noise": b"noise" * 5000, "empty": b"", "cut": whole[: len(whole) // 2]}[damage])
    broken = path.read_bytes()

    fresh = Outbox(path, clock)
    assert fresh.moved_aside is not None
    (aside,) = (each for each in path.parent.iterdir() if ".damaged-" in each.name and not each.name.endswith("-wal"))
    assert aside.name in fresh.moved_aside
    assert aside.read_bytes() == broken
    fresh.append(event(1))
    assert seqs(fresh) == [1]
    fresh.close()
    again = Outbox(path, clock)
    assert again.moved_aside is None
    again.close()


def test_a_flipped_bit_is_never_sent(path: Path, clock: ManualClock, outbox: Outbox) -> None:
    payloads = set()
    for seq in range(1, 60):
        each = event(seq, payload=random.Random(seq).randbytes(700))
        payloads.add(each.payload)
        outbox.append(each)
    outbox.close()
    seen = {"aside": 0, "dead": 0}
    chance = random.Random(4)
    for flip in range(150):
        copy = path.parent / f"flip-{flip}" / path.name
        copy.parent.mkdir()
        data = bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        copy.write_bytes(data)
        try:
            flipped = Outbox(copy, clock)
        except OutboxError:
            continue
        assert {due.payload for due in flipped.due(100, 100)} <= payloads
        seen["aside"] += flipped.moved_aside is not None
        seen["dead"] += len(dead_letters(flipped))
        flipped.close()
        shutil.rmtree(copy.parent)
    assert seen["dead"] > 0
    assert seen["aside"] > 0


def test_what_a_power_cut_may_undo_leaves_births_durable(outbox: Outbox) -> None:
    outbox.append(event(1))
    (due,) = outbox.due(1, 1)
    outbox.mark_sent({due.event_id: 200.0})
    outbox.put_back(due.event_id, 1, 100.0)
    outbox.settle([due.event_id])
    with outbox._transactions.reading("the durability") as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    with pytest.raises(OutboxError):
        outbox._transactions.forgettable("nonsense", lambda db: db.execute("UPDATE nothing SET x = 1"))
    with outbox._transactions.reading("the durability") as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
