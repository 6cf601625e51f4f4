"""What the stages of the box hand to one another; the only thing that they share."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Luma = NDArray[np.uint8]
Boxes = NDArray[np.float32]
TimeSource = Literal["rtcp", "arrival", "file"]


@dataclass(frozen=True, slots=True)
class FrameTime:
    """When a frame was captured: wall clock in UTC, monotonic seconds of this box, and where the wall time is from."""

    captured_at: datetime
    monotonic_s: float
    source: TimeSource


class Picture(Protocol):
    """A decoded picture that is converted only when somebody asks, and straight to the size that is asked for.

    Every answer is a new array that belongs to the caller. One thread at a time may use a picture. What cannot be
    converted, because a camera sent something absurd, is a ValueError.
    """

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        ...

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        ...

    def bgr(self, width: int, height: int) -> Image:
        """The whole picture as (height, width, 3) uint8 BGR, C-contiguous."""
        ...

    def luma(self, width: int, height: int) -> Luma:
        """The brightness of the whole picture as (height, width) uint8, C-contiguous."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded frame of a camera; `seq` counts decoded frames of this connection."""

    camera_id: str
    seq: int
    picture: Picture
    time: FrameTime


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector saw in one frame.

    boxes: (n, 4) float32, x1 y1 x2 y2 in normalised picture coordinates.
    scores: (n,) float32, 0..1. classes: (n,) int32, indexes into `labels`.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        """The number of things seen."""
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class PictureBox:
    """A rectangle in normalised picture coordinates; the ground point is the middle of its lower edge."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def ground_point(self) -> tuple[float, float]:
        """Where the thing touches the ground, normalised (x, y)."""
        return ((self.x1 + self.x2) / 2, self.y2)

    def iou(self, other: "PictureBox") -> float:
        """Intersection over union with another box, 0..1."""
        shared = self._shared(other)
        return shared / (self._area() + other._area() - shared) if shared else 0.0

    def share_inside(self, other: "PictureBox") -> float:
        """The share of this box that lies inside another, 0..1."""
        shared = self._shared(other)
        return shared / self._area() if shared else 0.0

    def _shared(self, other: "PictureBox") -> float:
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(width, 0.0) * max(height, 0.0)

    def _area(self) -> float:
        return (self.x2 - self.x1) * (self.y2 - self.y1)


@dataclass(frozen=True, slots=True)
class Track:
    """A thing followed from frame to frame; times are monotonic seconds of the frames it was seen in."""

    track_id: int
    label: str
    box: PictureBox
    score: float
    first_seen_s: float
    last_seen_s: float


@dataclass(frozen=True, slots=True)
class StillThing:
    """A region that differs from the clean reference and does not move; `since_s` is monotonic seconds.

    `taken_away` says that it is the place of something that lay there when the reference was learned.
    """

    thing_id: int
    box: PictureBox
    area: float
    since_s: float
    taken_away: bool = False


@dataclass(frozen=True, slots=True)
class ZoneThings:
    """The still things of one zone and the clean reference that they were told by.

    Each learning of the reference has its own `reference` number, which is not used again. None: nothing can be said
    of still things now, neither that there are some nor that there are none.
    """

    things: tuple[StillThing, ...] = ()
    reference: int | None = None


@dataclass(frozen=True, slots=True)
class ZoneObservation:
    """What one zone held at the time of one frame: only things whose ground point is inside it.

    `reference` is that of ZoneThings.
    """

    time: FrameTime
    zone_id: str
    tracks: tuple[Track, ...] = ()
    things: tuple[StillThing, ...] = ()
    reference: int | None = None


class Change(StrEnum):
    """What a judge says of an incident: `suspect` and `dismiss` stay on the box, the others become events."""

    SUSPECT = "suspect"
    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that the judge went by, with unit and threshold."""

    name: str
    value: float
    unit: str
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A change in one incident of one rule; `key` names the incident within its rule for as long as it lives."""

    change: Change
    key: str
    time: FrameTime
    since: FrameTime
    score: float
    level: int | None = None
    box: PictureBox | None = None
    figures: tuple[Figure, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture on the box's disk, named by the SHA-256 of its bytes."""

    sha256: str
    size: int
    width: int
    height: int
    taken_at: datetime


class ConnectionState(StrEnum):
    """What a camera's supervisor says of its connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    BACKOFF = "backoff"
    AUTH_FAILED = "auth_failed"


@dataclass(slots=True)
class CaptureStatus:
    """Counters and state of one camera's connection, written by its supervisor only.

    `key_interval_s` is the usual gap between key frames, or the time since the last one where that is longer;
    `decoder` names codec and device, such as `h264` or `h264 (vaapi)`; `decode_s` is the CPU time that decoding took.
    """

    state: ConnectionState
    since: datetime
    reason: str | None = None
    last_frame_at: datetime | None = None
    fps: float = 0.0
    packets: int = 0
    decoded: int = 0
    reconnects: int = 0
    stalls: int = 0
    corrupt: int = 0
    key_interval_s: float | None = None
    decoder: str | None = None
    decode_s: float = 0.0


FrameSink = Callable[[Frame], None]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a camera's decoder shall give: nothing, every key frame, or up to `fps` frames a second of all frames."""

    mode: Literal["idle", "keyframes", "full"]
    fps: float = 0.0


@dataclass(frozen=True, slots=True)
class Need:
    """How often the judges of a camera must see it: at least every `every_s` seconds; not at all where it is None.

    `suspects`: something is suspected or open. `due_s`: the monotonic time from which a look may decide something, or
    may have to clear up what the look before left unclear; such a look must not go by what was detected earlier.
    """

    every_s: float | None
    suspects: bool = False
    due_s: float = math.inf
