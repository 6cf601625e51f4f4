"""An ffmpeg child at 5 fps into a raw pipe; motion, then detection of square regions; what stands still is left alone.

Rebuilt from what is known of the best-known open NVR: 1280x720 yuv420p at 5 fps, motion on a picture 100 rows high,
regions of at least half the model's side around motion and around moving things, a thing that did not move for 10 s
counts as stationary and is looked at again every 50 frames. One process and no shared memory, where the NVR
has three and copies each frame: this makes the peer cheaper, not dearer.
"""

import subprocess
import threading
from typing import IO

import cv2
import numpy as np

from edge_agent.detect.backend import Detector, load_detector
from edge_agent.types import Image
from models.registry import find, search_path
from scripts.benchmarks.peers.findings import Teller, Thing, read_arguments
from scripts.benchmarks.peers.motion import Followed, Motion, Rectangle, iou, overlap, regions

WIDTH, HEIGHT, FPS = 1280, 720, 5
STATIONARY_AFTER, LOOK_AGAIN_EVERY, FORGET_AFTER = 50, 50, 25
SAME_IOU, STILL_IOU, DOUBLE_SHARE = 0.3, 0.8, 0.6
MIN_SCORE = 0.5
# What the rules ask for is tracked, nothing else; a vehicle's label flickers between the three.
TRACKED = {"person": "person", "car": "car", "truck": "car", "bus": "car"}
EDGE = 4


class Follower:
    """Pairs detections with what is known by overlap, best first, and tells what needs another look."""

    def __init__(self) -> None:
        self.things: list[Followed] = []
        self._frame = 0

    def wanted(self) -> list[Rectangle]:
        """The boxes that this frame must be looked at for: what moves always, what stands now and then."""
        self._frame += 1
        again = self._frame % LOOK_AGAIN_EVERY == 0
        return [thing.box for thing in self.things if again or thing.calm < STATIONARY_AFTER]

    def update(self, seen: list[tuple[str, Rectangle]], looked: list[Rectangle]) -> None:
        """Take the detections of one frame; only what lies in a region that was looked at can be missed."""
        free = list(seen)
        for thing in self.things:
            best = max(free, key=lambda found: iou(found[1], thing.box) * (found[0] == thing.label), default=None)
            if best and best[0] == thing.label and iou(best[1], thing.box) >= SAME_IOU:
                free.remove(best)
                thing.box, thing.missed = best[1], 0
                still = iou(thing.anchor, thing.box) >= STILL_IOU
                thing.calm, thing.anchor = (thing.calm + 1, thing.anchor) if still else (0, thing.box)
            elif any(iou(region, thing.box) > 0 for region in looked):
                thing.missed += 1
            else:
                thing.calm += 1
        self.things = [thing for thing in self.things if thing.missed < FORGET_AFTER]
        self.things += [Followed(label, box, anchor=box) for label, box in free]


def main() -> None:
    """Look until the process or its ffmpeg is ended."""
    arguments = read_arguments(__doc__)
    teller, motion, follower = Teller(arguments.zones), Motion(), Follower()
    detector = load_detector(find("yolo11n-int8", search_path((arguments.model.parent,))))
    pipe = Pipe(arguments.url)
    first = True
    while (frame := pipe.take()) is not None:
        wanted = [*motion.boxes(frame[:HEIGHT]), *follower.wanted()]
        # The NVR scans the whole picture when it starts, or it would never learn of what stands there already.
        looked = _tiles() if first else regions(wanted, WIDTH, HEIGHT)
        first = False
        seen = _detect(detector, frame, looked) if looked else []
        follower.update(seen, looked)
        teller.look((_thing(thing) for thing in follower.things if not thing.missed), detections=len(looked))


class Pipe:
    """Reads raw frames of the child in a thread and keeps the newest, as a full queue drops frames."""

    def __init__(self, url: str) -> None:
        scale = f"fps={FPS},scale={WIDTH}:{HEIGHT}"
        source = ["-rtsp_transport", "tcp", "-timeout", "10000000", "-i", url]
        sink = ["-an", "-vf", scale, "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]
        command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-threads", "1", *source, *sink]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._frame: Image | None = None
        self._fresh = threading.Event()
        threading.Thread(target=self._run, args=(child.stdout,), daemon=True).start()

    def take(self) -> Image | None:
        """Wait for a frame that was not taken yet, (H * 3 / 2, W) uint8 I420; None once the child has ended."""
        self._fresh.wait()
        self._fresh.clear()
        return self._frame

    def _run(self, stdout: IO[bytes]) -> None:
        size = WIDTH * HEIGHT * 3 // 2
        while len(raw := stdout.read(size)) == size:
            self._frame = np.frombuffer(raw, np.uint8).reshape(HEIGHT * 3 // 2, WIDTH)
            self._fresh.set()
        self._frame = None
        self._fresh.set()


def _tiles() -> list[Rectangle]:
    return [(0, 0, HEIGHT, HEIGHT), (WIDTH - HEIGHT, 0, WIDTH, HEIGHT)]


def _detect(detector: Detector, frame: Image, looked: list[Rectangle]) -> list[tuple[str, Rectangle]]:
    picture = np.asarray(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), np.uint8)
    found: list[tuple[float, str, Rectangle]] = []
    for region in looked:
        left, top, right, bottom = region
        seen = detector.detect(np.ascontiguousarray(picture[top:bottom, left:right]))
        for box, score, number in zip(seen.boxes, seen.scores, seen.classes, strict=True):
            label = TRACKED.get(seen.labels[number])
            x1, y1, x2, y2 = (round(float(edge) * (right - left)) for edge in box)
            place = left + x1, top + y1, left + x2, top + y2
            if label and score >= MIN_SCORE and not _is_cut(place, region):
                found.append((float(score), label, place))
    kept: list[tuple[str, Rectangle]] = []
    for _, label, box in sorted(found, reverse=True):
        if all(label != other or overlap(box, known) < DOUBLE_SHARE for other, known in kept):
            kept.append((label, box))
    return kept


def _is_cut(box: Rectangle, region: Rectangle) -> bool:
    """Whether the region's edge, where it is not the picture's, cuts the thing: the next region sees it whole."""
    left, top = region[0] > 0 and box[0] < region[0] + EDGE, region[1] > 0 and box[1] < region[1] + EDGE
    right, bottom = region[2] < WIDTH and box[2] > region[2] - EDGE, region[3] < HEIGHT and box[3] > region[3] - EDGE
    return left or top or right or bottom


def _thing(thing: Followed) -> Thing:
    x1, y1, x2, y2 = thing.box
    return Thing(thing.label, (x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT))


if __name__ == "__main__":
    main()
