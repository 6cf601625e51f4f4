"""Picks frames of a stream, so many a second and evenly."""

# Half of a 90 kHz RTP tick: due times must not be missed by rounding.
TOLERANCE_S = 5e-6


class Sampler:
    """Says which frames to hand on: at most `fps` a second of stream time."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self._last_s: float | None = None
        self._due_s = 0.0

    def wants(self, time_s: float) -> bool:
        """Tell whether the frame at stream time `time_s` is wanted; a time that goes back starts the count anew."""
        if self._last_s is None or time_s < self._last_s:
            self._due_s = time_s
        self._last_s = time_s
        if time_s + TOLERANCE_S < self._due_s:
            return False
        period_s = 1.0 / self.fps
        self._due_s += period_s
        if self._due_s < time_s:
            self._due_s = time_s + period_s
        return True
