"""Newest frames wait, no camera starves, nobody blocks."""

import threading
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.detect.mailbox import Mailboxes
from edge_agent.types import Frame, FrameTime
from tests.lab.pictures import PaintedPicture

IMAGE = np.zeros((1, 1, 3), np.uint8)
TIME = FrameTime(datetime(2026, 5, 1, tzinfo=UTC), 0.0, "arrival")


def frame(camera_id: str, seq: int = 1) -> Frame:
    return Frame(camera_id, seq, PaintedPicture(IMAGE), TIME)


def first(waiting: Collection[str]) -> str:
    return next(iter(waiting))


def take(boxes: Mailboxes) -> tuple[str, int]:
    taken = boxes.take(5.0)
    assert taken is not None
    return taken.camera_id, taken.seq


def test_only_the_newest_frame_waits_and_the_others_are_counted() -> None:
    boxes = Mailboxes(first)
    for seq in range(1, 6):
        boxes.put(frame("a", seq))
    assert take(boxes) == ("a", 5)
    assert boxes.dropped() == {("a", "newer"): 4}
    assert boxes.take(0.0) is None


def test_the_chooser_is_asked_with_those_that_wait_first_come_first() -> None:
    asked: list[list[str]] = []

    def last(waiting: Collection[str]) -> str:
        asked.append(list(waiting))
        return asked[-1][-1]

    boxes = Mailboxes(last)
    for camera_id in "abca":
        boxes.put(frame(camera_id))
    assert [take(boxes)[0] for _ in range(3)] == ["c", "b", "a"]
    assert asked == [["a", "b", "c"], ["a", "b"], ["a"]]


def test_a_waiting_reader_gets_the_next_frame() -> None:
    boxes = Mailboxes(first)
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(boxes.take(30.0)))
    reader.start()
    boxes.put(frame("a", 7))
    reader.join(5.0)
    assert [f.seq for f in got if f] == [7]


@pytest.mark.parametrize("waiting", [False, True])
def test_close_wakes_every_reader_and_gives_out_nothing_more(waiting: bool) -> None:
    boxes = Mailboxes(first)
    got: list[Frame | None] = []
    readers = [threading.Thread(target=lambda: got.append(boxes.take(30.0))) for _ in range(3)]
    if waiting:
        for reader in readers:
            reader.start()
    boxes.close()
    if not waiting:
        for reader in readers:
            reader.start()
    for reader in readers:
        reader.join(5.0)
    boxes.put(frame("a"))
    assert got == [None, None, None]
    assert boxes.take(0.0) is None
    assert boxes.dropped() == {("a", "stopping"): 1}


def test_every_frame_is_taken_or_counted_under_threads() -> None:
    boxes = Mailboxes(first)
    taken: Counter[str] = Counter()
    done = threading.Event()

    def write(camera_id: str) -> None:
        for seq in range(500):
            boxes.put(frame(camera_id, seq))

    def read() -> None:
        while (found := boxes.take(0.05)) is not None or not done.is_set():
            if found is not None:
                taken[found.camera_id] += 1

    writers = [threading.Thread(target=write, args=(c,)) for c in "abc"]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(10.0)
    done.set()
    reader.join(10.0)
    assert {c: taken[c] + boxes.dropped().get((c, "newer"), 0) for c in "abc"} == {"a": 500, "b": 500, "c": 500}
