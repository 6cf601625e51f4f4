"""What the stages of one camera's looks cost."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge_agent.clock import Clock
from edge_agent.types import Image, Luma, Picture

RECENT_LOOKS = 8
STAGES = ("glance", "convert", "inference", "judge", "evidence")


@dataclass(slots=True)
class LookFigures:
    """What was spent on a camera; written by the looking thread only, and read from any.

    `looks` counts all, `inferences` those on which the detector ran; `spent_s` is seconds by stage. `lag_s` is from the
    capture of the last frame to the end of its look.
    """

    looks: int = 0
    inferences: int = 0
    lag_s: float | None = None
    spent_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_LOOKS))

    def looked(self, now_s: float, lag_s: float) -> None:
        """Count a look that ended at monotonic `now_s`."""
        self.looks += 1
        self.lag_s = lag_s
        self.recent.append(now_s)

    def fps(self, now_s: float) -> float:
        """Looks per second, by the last few of them."""
        ends = tuple(self.recent)
        return len(ends) / (now_s - ends[0]) if len(ends) > 1 and now_s > ends[0] else 0.0


class StageTimer:
    """Adds up the seconds that one camera's stages take; a stage within another counts for itself only."""

    def __init__(self, figures: LookFigures, clock: Clock) -> None:
        self._figures = figures
        self._clock = clock
        self._inner_s = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens within as stage `name`."""
        outer_inner_s, self._inner_s = self._inner_s, 0.0
        began_s = self._clock.monotonic()
        try:
            yield
        finally:
            passed_s = self._clock.monotonic() - began_s
            self._figures.spent_s[name] += passed_s - self._inner_s
            self._inner_s = outer_inner_s + passed_s

    def picture(self, picture: Picture) -> Picture:
        """The same picture, whose conversions are counted."""
        return _TimedPicture(picture, self)


class _TimedPicture:
    """A picture whose conversions are counted as a stage of their own."""

    def __init__(self, picture: Picture, timer: StageTimer) -> None:
        self._picture = picture
        self._timer = timer

    @property
    def width(self) -> int:
        return self._picture.width

    @property
    def height(self) -> int:
        return self._picture.height

    def bgr(self, width: int, height: int) -> Image:
        with self._timer.stage("convert"):
            return self._picture.bgr(width, height)

    def luma(self, width: int, height: int) -> Luma:
        with self._timer.stage("convert"):
            return self._picture.luma(width, height)
