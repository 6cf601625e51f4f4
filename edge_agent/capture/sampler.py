"""Picks the frames of a stream that the decode policy asks for."""

from camera_configs.camera import DecodePolicy

# Half of a 90 kHz RTP tick: due times must not be missed by rounding.
TOLERANCE_S = 5e-6


class Sampler:
    """Says which frames to hand on: all that were decoded (key frames), or at most `fps` a second of stream time."""

    def __init__(self, policy: DecodePolicy) -> None:
        self._period_s = 0.0 if policy.mode == "keyframes" else 1.0 / policy.fps
        self._last_s: float | None = None
        self._due_s = 0.0

    def wants(self, time_s: float) -> bool:
        """Tell whether the frame at stream time `time_s` is wanted; a time that goes back starts the count anew."""
        if self._last_s is None or time_s < self._last_s:
            self._due_s = time_s
        self._last_s = time_s
        if time_s + TOLERANCE_S < self._due_s:
            return False
        self._due_s += self._period_s
        if self._due_s < time_s:
            self._due_s = time_s + self._period_s
        return True
