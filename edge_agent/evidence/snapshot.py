"""Makes the picture that proves a finding: people pixelated, zone and thing drawn, place and time burnt in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from edge_agent.errors import EvidenceError
from edge_agent.types import FrameTime, Image, Picture, PictureBox

ZONE_COLOUR = (0, 200, 255)
THING_COLOUR = (40, 40, 255)
TEXT_COLOUR = (255, 255, 255)
STRIP_DARKNESS = 0.75
JPEG_QUALITY = 85
FONT = cv2.FONT_HERSHEY_SIMPLEX
PERSON_MARGIN = 0.08
# Around persons seen in another picture of nearly the same moment: half a second's walk.
WIDE_MARGIN = 0.4
BLOCKS_PER_PERSON = 10
LEAST_BLOCK_PX = 6


@dataclass(frozen=True, slots=True)
class Caption:
    """What is burnt in besides the time; letters outside ASCII become `?`, for OpenCV's fonts have no others."""

    camera: str
    finding: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn, in normalised picture coordinates: the zone's outline, the thing, and persons to be pixelated.

    Persons are pixelated with `person_margin` of their box's width and height on each side.
    """

    zone: Sequence[tuple[float, float]] = ()
    thing: PictureBox | None = None
    hidden_persons: Sequence[PictureBox] = ()
    person_margin: float = PERSON_MARGIN


@dataclass(frozen=True, slots=True)
class Jpeg:
    """An encoded picture with its size in pixels."""

    data: bytes
    width: int
    height: int


def make_snapshot(picture: Picture, time: FrameTime, marks: Marks, caption: Caption) -> Jpeg:
    """Draw on the picture, masks already applied, and encode it; size and geometry stay those of the picture.

    The strip with camera, finding, local time with its offset and the source of the time lies at the bottom, half
    transparent, or at the top when the thing is at the bottom.

    Raises:
        EvidenceError: the picture cannot be encoded.
    """
    image = picture.bgr(picture.width, picture.height)
    for person in marks.hidden_persons:
        _pixelate(image, person, marks.person_margin)
    _draw(image, marks)
    _burn(image, _text(time, caption), at_top=marks.thing is not None and marks.thing.y2 > 1 - _strip_share(image))
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        msg = f"camera {caption.camera}: a picture of shape {image.shape} could not be encoded as JPEG"
        raise EvidenceError(msg)
    return Jpeg(data.tobytes(), image.shape[1], image.shape[0])


def local_time(at: datetime, time_zone: str) -> str:
    """ISO 8601 to the millisecond with the offset of `time_zone`; `at` must be aware."""
    return at.astimezone(ZoneInfo(time_zone)).isoformat(timespec="milliseconds")


def _text(time: FrameTime, caption: Caption) -> tuple[str, str]:
    moment = f"{local_time(time.captured_at, caption.time_zone)} ({time.source})"
    return f"{caption.camera}  {caption.finding}".encode("ascii", "replace").decode(), moment


def _pixelate(image: Image, box: PictureBox, margin: float) -> None:
    height, width = image.shape[:2]
    x, y = margin * (box.x2 - box.x1), margin * (box.y2 - box.y1)
    left, right = max(round((box.x1 - x) * width), 0), min(round((box.x2 + x) * width), width)
    top, bottom = max(round((box.y1 - y) * height), 0), min(round((box.y2 + y) * height), height)
    if right <= left or bottom <= top:
        return
    block = max((bottom - top) // BLOCKS_PER_PERSON, LEAST_BLOCK_PX)
    size = (max((right - left) // block, 1), max((bottom - top) // block, 1))
    small = cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    image[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)


def _draw(image: Image, marks: Marks) -> None:
    height, width = image.shape[:2]
    # A line of one pixel loses its colour in JPEG, which halves the resolution of colour.
    line = max(round(height / 300), 2)
    if marks.zone:
        outline = np.round(np.array(marks.zone) * (width, height)).astype(np.int32)
        cv2.polylines(image, [outline], isClosed=True, color=ZONE_COLOUR, thickness=line, lineType=cv2.LINE_AA)
    if marks.thing is not None:
        corners = np.round(
            np.array([[marks.thing.x1, marks.thing.y1], [marks.thing.x2, marks.thing.y2]]) * (width, height)
        )
        first, last = corners.astype(int).tolist()
        cv2.rectangle(image, first, last, THING_COLOUR, line)


def _font_height(image: Image) -> int:
    return max(int(image.shape[0]) // 45, 9)


def _strip_share(image: Image) -> float:
    return 3.4 * _font_height(image) / int(image.shape[0])


def _burn(image: Image, lines: tuple[str, str], *, at_top: bool) -> None:
    letter = _font_height(image)
    strip = min(round(3.4 * letter), image.shape[0])
    top = 0 if at_top else image.shape[0] - strip
    region = image[top : top + strip]
    region[:] = (region * (1 - STRIP_DARKNESS)).astype(np.uint8)
    for number, line in enumerate(lines):
        scale, thickness = _fit(line, letter, image.shape[1] - letter)
        base = (letter // 2, top + round((1.3 + 1.5 * number) * letter))
        cv2.putText(image, line, base, FONT, scale, TEXT_COLOUR, thickness, cv2.LINE_AA)


def _fit(text: str, letter: int, room: int) -> tuple[float, int]:
    """Scale and thickness by which `text` is `letter` pixels high, or smaller when it would be wider than `room`."""
    thickness = max(letter // 12, 1)
    (width, height), _ = cv2.getTextSize(text, FONT, 1.0, thickness)
    return min(letter / height, room / width), thickness
