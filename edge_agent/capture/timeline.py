"""When a frame of a camera was captured: the camera's own clock when it can be believed, else the time of arrival."""

import struct
from datetime import UTC, datetime, timedelta

from edge_agent.clock import Clock
from edge_agent.types import FrameTime

# Arrival is off by the network and the camera's encoder, a few hundred milliseconds; a camera clock that is off by more
# than this is worse than arrival.
MAX_SKEW_S = 2.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRFT = struct.Struct("<q")


def parse_prft(data: bytes) -> datetime | None:
    """Return the UTC time in FFmpeg's AVProducerReferenceTime (int64 microseconds since 1970), or None for nonsense."""
    if len(data) < _PRFT.size:
        return None
    (micros,) = _PRFT.unpack_from(data)
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


class Timeline:
    """Stamps the packets of one connection in the order of their arrival."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_camera_time: datetime | None = None

    def stamp(self, camera_time: datetime | None) -> FrameTime:
        """Return the time of a packet that arrived now and that the camera dated `camera_time` (RTCP), if it did.

        The camera is believed while its clock is within 2 s of ours and never goes back. `captured_at` may step by the
        latency when that changes; `monotonic_s` is the arrival in any case and never steps.
        """
        arrived_at, monotonic_s = self._clock.now(), self._clock.monotonic()
        if camera_time is not None and self._plausible(camera_time, arrived_at):
            self._last_camera_time = camera_time
            return FrameTime(camera_time, monotonic_s, "rtcp")
        return FrameTime(arrived_at, monotonic_s, "arrival")

    def _plausible(self, camera_time: datetime, arrived_at: datetime) -> bool:
        if abs((arrived_at - camera_time).total_seconds()) > MAX_SKEW_S:
            return False
        return self._last_camera_time is None or camera_time >= self._last_camera_time
