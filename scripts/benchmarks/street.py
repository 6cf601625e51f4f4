"""Makes the two clips of the benchmarks `edge` and `growth`: one street corner, once busy and once quiet.

Both show the upper 768x432 of the demo's footage, scaled to 1080p25 with the noise of a sensor: H.264, about 4 Mbit/s,
a key frame every 50 frames, no B frames, as most cameras send. `busy` is the footage itself: walkers all the time past
a parked van. `quiet` is the same place with nobody in it, light that changes slowly, and a small group that walks
through for 12 s of each minute.
"""

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import yaml
from av.video.frame import PictureType

from edge_agent.types import Image
from scripts.demo_camera import EXAMPLE
from scripts.footage import cache_folder, vtest

SCENES = ("quiet", "busy")
WIDTH, HEIGHT, FPS, GOP = 1920, 1080, 25, 50
BITS_PER_S = 4_000_000
NOISE = 2.0
QUIET_GOPS, BUSY_GOPS = 30, 39
WALK_S, WALK_BEGINS_S = 12.0, 20.0
LIGHT = 0.04
# A walker in the footage: how much a pixel differs from the empty place, height over width, and rows of pixels.
DIFFERS, UPRIGHT, TALL, FEET = 28, (2.0, 3.2), (60, 130), (120, 330)
# The footage is 4:3; this much of its height is 16:9.
KEPT = 0.75
# Cameras of one site do not show the same second: each of these begins the same clip elsewhere.
PHASES = 4
RECIPE = "2"
CROWD_HOLDS_S = 15.0


def clips(scene: str) -> list[Path]:
    """The Annex-B files of a scene, one for each phase; made once, then taken from the cache.

    Raises:
        FootageError: the footage cannot be had.
    """
    paths = [cache_folder() / f"street-{scene}-{phase}.{RECIPE}.h264" for phase in range(PHASES)]
    if not all(path.is_file() for path in paths):
        print(f"making the {scene} clip (1 or 2 minutes, once)", file=sys.stderr)
        groups = _encode(_busy() if scene == "busy" else _quiet())
        for phase, path in enumerate(paths):
            first = phase * len(groups) // PHASES
            scratch = path.with_suffix(".part")
            scratch.write_bytes(b"".join(groups[first:] + groups[:first]))
            scratch.replace(path)
    return paths


def camera_document(name: str, url: str) -> dict[str, Any]:
    """The example's camera with all three rules, its polygons moved to the part of the picture that is kept.

    Decoded as a camera is by default, and crowding holds longer: 3 s, as in the example, suit a demo, and a rule of
    seconds is one that key frames every 2 s cannot serve.
    """
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document |= {"id": name, "source": {"kind": "rtsp", "url": url}, "decode": {"mode": "auto"}}
    for area in (*document["zones"], *document["masks"]):
        area["polygon"] = [[x, min(y / KEPT, 1.0)] for x, y in area["polygon"]]
    for rule in (rule for zone in document["zones"] for rule in zone["rules"] if rule["kind"] == "crowding"):
        rule["hold_s"] = CROWD_HOLDS_S
    return document


def _busy() -> Iterator[Image]:
    frames = _footage()
    for number in range(BUSY_GOPS * GOP):
        yield _upscaled(frames[min(number * 10 // FPS, len(frames) - 1)])


def _quiet() -> Iterator[Image]:
    frames = _footage()
    empty = np.median(np.stack(frames[::12]), axis=0).astype(np.uint8)
    person, opacity, top = _walker(frames, empty)
    height, width = person.shape[:2]
    still = _upscaled(empty)
    for number in range(QUIET_GOPS * GOP):
        share = (number / FPS - WALK_BEGINS_S) / WALK_S
        if not 0.0 <= share < 1.0:
            yield still
            continue
        wide = cv2.copyMakeBorder(empty, 0, 0, width, width, cv2.BORDER_REPLICATE)
        left = round(share * (empty.shape[1] + width))
        place = wide[top : top + height, left : left + width]
        place[:] = (person * opacity + place * (1 - opacity)).astype(np.uint8)
        yield _upscaled(wide[:, width:-width])


def _footage() -> list[Image]:
    path = vtest(say=lambda text: print(text, file=sys.stderr))
    with av.open(path) as container:
        pictures = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0))
        return [picture[: round(picture.shape[0] * KEPT)].copy() for picture in pictures]


def _walker(frames: list[Image], empty: Image) -> tuple[Image, np.ndarray[Any, Any], int]:
    """Cut one group out of the footage: picture, opacity, and the row of the picture's top.

    The largest thing of a person's shape that differs from the empty place is two or three people in this footage.
    """
    best: tuple[int, Image, np.ndarray[Any, Any], int] | None = None
    for frame in frames[::15]:
        changed = (cv2.absdiff(frame, empty).max(axis=2) > DIFFERS).astype(np.uint8)
        changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(changed)
        for label, (x, y, width, height, area) in enumerate(stats.tolist()):
            fits = label and area > 0.5 * width * height and UPRIGHT[0] <= height / width <= UPRIGHT[1]
            fits = fits and TALL[0] <= height <= TALL[1] and FEET[0] <= y + height <= FEET[1]
            if fits and (best is None or area > best[0]):
                window = np.s_[y : y + height, x : x + width]
                opacity = cv2.GaussianBlur((labels[window] == label).astype(np.float32), (3, 3), 0)[..., None]
                best = area, frame[window].copy(), opacity, y
    if best is None:
        raise RuntimeError("the footage shows nobody who could walk through the quiet clip")
    return best[1:]


def _upscaled(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def _encode(pictures: Iterable[Image]) -> list[bytes]:
    """Groups of pictures, each beginning with parameter sets and a key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)  # noqa: S101 - tells the type checker
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.bit_rate = Fraction(1, FPS), Fraction(FPS), BITS_PER_S
    # With more threads PyAV's encoder cuts each picture into slices, one a thread; most cameras send one slice.
    encoder.thread_count = 1
    rate = f"vbv-maxrate={BITS_PER_S // 1000}:vbv-bufsize={BITS_PER_S // 500}"
    order = f"bframes=0:keyint={GOP}:min-keyint={GOP}:scenecut=0:aud=1:{rate}"
    encoder.options = {"preset": "veryfast", "x264-params": order}
    chance = np.random.default_rng(4)
    grain = [chance.normal(0.0, NOISE, (HEIGHT, WIDTH)).astype(np.int16) for _ in range(8)]
    groups: list[bytes] = []
    for number, picture in enumerate((*pictures, None)):
        for packet in encoder.encode(None if picture is None else _frame(picture, grain, number)):
            if packet.is_keyframe:
                groups.append(b"")
            groups[-1] += bytes(packet)
    return groups


def _frame(picture: Image, grain: list[np.ndarray[Any, Any]], number: int) -> av.VideoFrame:
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    light = 1.0 + LIGHT * np.sin(2 * np.pi * number / (QUIET_GOPS * GOP))
    luma = cv2.convertScaleAbs(planes[:HEIGHT], alpha=light)
    noise = np.roll(grain[number % len(grain)], 37 * number, axis=0)
    planes[:HEIGHT] = cv2.add(luma, noise, dtype=cv2.CV_8U)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, FPS), PictureType.NONE
    return frame
