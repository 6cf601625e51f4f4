"""The one simple rule by which every peer opens parking and crowding, and how a peer tells the benchmark.

Standard library only: it runs under two Pythons.
"""

import argparse
import json
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

VEHICLES = {"car", "truck", "bus"}
SAME_PLACE_IOU = 0.5
# A vehicle that a look misses is still there; one unseen for this long has left.
FORGET_S = 5.0
TELL_EVERY_S = 2.0

Box = tuple[float, float, float, float]
Polygon = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Thing:
    """What a loop sees: label, and x1 y1 x2 y2 in normalised picture coordinates."""

    label: str
    box: Box


@dataclass(slots=True)
class _Place:
    box: Box
    since_s: float
    seen_s: float


class Findings:
    """Parking: one place occupied for `dwell_s`. Crowding: `people` persons on average over `hold_s`. Opens once."""

    def __init__(self, zones: Path) -> None:
        document = json.loads(zones.read_text(encoding="utf-8"))
        self._parking: Polygon = document["parking"]
        self._road: Polygon = document["road"]
        self._dwell_s, self._hold_s = float(document["dwell_s"]), float(document["hold_s"])
        self._people = int(document["people"])
        self._places: list[_Place] = []
        self._counts: deque[tuple[float, int]] = deque()
        self._open: set[str] = set()

    def look(self, now_s: float, things: Iterable[Thing]) -> list[str]:
        """Take what one look saw; return the findings that it opens."""
        things = list(things)
        opened = []
        if self._parked(now_s, [thing.box for thing in things if thing.label in VEHICLES]):
            opened.append("parking")
        if self._crowded(now_s, sum(thing.label == "person" and _stands_in(thing.box, self._road) for thing in things)):
            opened.append("crowding")
        fresh = [name for name in opened if name not in self._open]
        self._open.update(fresh)
        return fresh

    def _parked(self, now_s: float, vehicles: list[Box]) -> bool:
        for box in vehicles:
            if not _stands_in(box, self._parking):
                continue
            place = next((place for place in self._places if _iou(place.box, box) >= SAME_PLACE_IOU), None)
            if place is None:
                self._places.append(_Place(box, now_s, now_s))
            else:
                place.seen_s = now_s
        self._places = [place for place in self._places if now_s - place.seen_s <= FORGET_S]
        return any(place.seen_s - place.since_s >= self._dwell_s for place in self._places)

    def _crowded(self, now_s: float, count: int) -> bool:
        self._counts.append((now_s, count))
        whole = now_s - self._counts[0][0] >= self._hold_s
        while now_s - self._counts[0][0] > self._hold_s:
            self._counts.popleft()
        return whole and sum(count for _, count in self._counts) >= self._people * len(self._counts)


class Teller:
    """Counts looks, judges them, and prints what the benchmark reads."""

    def __init__(self, zones: Path) -> None:
        self._findings = Findings(zones)
        self._looks = 0
        self._told_s = 0.0

    def look(self, things: Iterable[Thing], *, detections: int = 1) -> None:
        """Take one look, which cost this many inferences."""
        now_s = time.monotonic()
        self._looks += detections
        for name in self._findings.look(now_s, things):
            print(json.dumps({"finding": name}), flush=True)
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            print(json.dumps({"looks": self._looks, "at": now_s}), flush=True)


def read_arguments(about: str | None) -> argparse.Namespace:
    """The command line of every peer."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the OpenVINO model")
    parser.add_argument("--zones", type=Path, required=True)
    return parser.parse_args()


def _stands_in(box: Box, polygon: Polygon) -> bool:
    """Whether the middle of the lower edge is inside, by the crossing number."""
    x, y = (box[0] + box[2]) / 2, box[3]
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared) if shared else 0.0
