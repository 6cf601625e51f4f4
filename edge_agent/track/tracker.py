"""Follows detected things from frame to frame at low and irregular rates."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge_agent.types import Boxes, Detections, FrameTime, PictureBox, Track

# YOLO11n calls one parked van truck and car by turns: 221 of 795 frames of vtest.avi hold both boxes.
GROUPS = {"car": "vehicle", "truck": "vehicle", "bus": "vehicle", "bicycle": "cycle", "motorcycle": "cycle"}
SAME_THING_IOU = 0.7
VELOCITY_MEMORY_S = 0.7
SCORE_MEMORY = 0.7
START_SCORE = 0.3
HITS_TO_CONFIRM = 2
MAX_OUT_OF_SIGHT_S = 4.0
# How far from where it should be a thing may be found, in sizes (the root of its box's area).
REACH = 0.4
REACH_PER_S = 0.8
MAX_REACH = 2.0


@dataclass(slots=True)
class _Thing:
    track_id: int
    group: str
    box: Boxes
    score: float
    first_seen_s: float
    last_seen_s: float
    votes: dict[str, float]
    hits: int = 1
    velocity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(2, np.float32))

    def predict(self, now_s: float) -> Boxes:
        shift = self.velocity * np.float32(now_s - self.last_seen_s)
        return self.box + np.tile(shift, 2)

    def see(self, box: Boxes, score: float, label: str, now_s: float) -> None:
        elapsed = now_s - self.last_seen_s
        if elapsed > 0:
            weight = np.float32(1 - math.exp(-elapsed / VELOCITY_MEMORY_S))
            moved = (_centres(box[None])[0] - _centres(self.box[None])[0]) / np.float32(elapsed)
            self.velocity += weight * (moved - self.velocity)
        self.box, self.last_seen_s = box, now_s
        self.score = SCORE_MEMORY * self.score + (1 - SCORE_MEMORY) * score
        self.votes[label] = self.votes.get(label, 0.0) + score
        self.hits += 1

    def as_track(self) -> Track:
        x1, y1, x2, y2 = (min(max(float(v), 0.0), 1.0) for v in self.box)
        label = max(self.votes, key=lambda name: self.votes[name])
        return Track(self.track_id, label, PictureBox(x1, y1, x2, y2), self.score, self.first_seen_s, self.last_seen_s)


class Tracker:
    """The things in one camera's view: greedy matching by overlap and distance from where each should be by now."""

    def __init__(self) -> None:
        self._things: list[_Thing] = []
        self._next_id = 1
        self._now_s = -math.inf

    def update(self, detections: Detections, time: FrameTime) -> tuple[Track, ...]:
        """Every confirmed track, also those out of sight for up to 4 s, with the box they were last seen in.

        A track's `score` is a moving mean of its detections' scores, its label the one that gathered most score.
        When monotonic time runs backwards, all tracks end.
        """
        now_s = time.monotonic_s
        if now_s < self._now_s:
            self._things = []
        self._now_s = now_s
        seen = _without_doubles(detections)
        groups = [_group(detections.labels[int(detections.classes[i])]) for i in seen]
        boxes = detections.boxes[seen]
        taken: set[int] = set()
        for thing, j in self._matches(boxes, groups, now_s):
            i = int(seen[j])
            label = detections.labels[int(detections.classes[i])]
            thing.see(detections.boxes[i], float(detections.scores[i]), label, now_s)
            taken.add(j)
        self._things = [thing for thing in self._things if self._lives(thing, now_s)]
        for j, i in enumerate(seen):
            if j not in taken and detections.scores[i] >= START_SCORE:
                self._start(detections, int(i), groups[j], now_s)
        return tuple(t.as_track() for t in self._things if t.hits >= HITS_TO_CONFIRM)

    def _lives(self, thing: _Thing, now_s: float) -> bool:
        gap_s = now_s - thing.last_seen_s
        return gap_s == 0 or (thing.hits >= HITS_TO_CONFIRM and gap_s <= MAX_OUT_OF_SIGHT_S)

    def _start(self, detections: Detections, i: int, group: str, now_s: float) -> None:
        label, score = detections.labels[int(detections.classes[i])], float(detections.scores[i])
        self._things.append(_Thing(self._next_id, group, detections.boxes[i], score, now_s, now_s, {label: score}))
        self._next_id += 1

    def _matches(self, boxes: Boxes, groups: list[str], now_s: float) -> list[tuple[_Thing, int]]:
        if not self._things or not len(boxes):
            return []
        predicted = np.stack([thing.predict(now_s) for thing in self._things])
        elapsed = np.array([now_s - thing.last_seen_s for thing in self._things], np.float32)
        reach = np.minimum(REACH + REACH_PER_S * elapsed, MAX_REACH)[:, None]
        distance = _distances(predicted, boxes)
        closeness = _ious(predicted, boxes) + 1 - distance / reach
        same = np.array([[thing.group == group for group in groups] for thing in self._things])
        closeness[~same | (distance > reach)] = -1
        return self._best_first(closeness)

    def _best_first(self, closeness: NDArray[np.float32]) -> list[tuple[_Thing, int]]:
        found: list[tuple[_Thing, int]] = []
        rows, columns = np.nonzero(closeness >= 0)
        free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
        for k in np.argsort(-closeness[rows, columns], kind="stable"):
            row, column = int(rows[k]), int(columns[k])
            if row in free_rows and column in free_columns:
                free_rows.remove(row)
                free_columns.remove(column)
                found.append((self._things[row], column))
        return found


def _group(label: str) -> str:
    return GROUPS.get(label, label)


def _without_doubles(detections: Detections) -> NDArray[np.int64]:
    """Indexes, best score first, without a second box of the same group on the same thing."""
    kept: list[int] = []
    order = np.argsort(-detections.scores, kind="stable")
    overlaps = _ious(detections.boxes, detections.boxes)
    groups = [_group(detections.labels[int(c)]) for c in detections.classes]
    for i in order.tolist():
        if not any(groups[i] == groups[j] and overlaps[i, j] > SAME_THING_IOU for j in kept):
            kept.append(i)
    return np.array(kept, np.int64)


def _centres(boxes: Boxes) -> NDArray[np.float32]:
    centres: NDArray[np.float32] = (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)
    return centres


def _distances(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(n, m) float32: distance of centres in sizes of the box of `a`."""
    size = np.sqrt(np.maximum((a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]), 1e-9))
    apart = _centres(a)[:, None] - _centres(b)[None]
    distances: NDArray[np.float32] = np.hypot(apart[..., 0], apart[..., 1]) / size[:, None]
    return distances


def _ious(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(n, m) float32: intersection over union of every box of `a` with every box of `b`."""
    corner_1 = np.maximum(a[:, None, :2], b[None, :, :2])
    corner_2 = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(corner_2 - corner_1, 0), axis=2)
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    ious: NDArray[np.float32] = shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)
    return ious
