"""The newest groups of pictures of one stream, as packets: decoded later, if ever, from their key frame on."""

from collections import deque
from threading import Lock

from edge_agent.capture.packets import TimedPacket

MAX_GOPS = 2
MAX_BYTES = 16 * 1024 * 1024
# Measured: a packet of 16 bytes costs 1,060 more than that, in FFmpeg and in Python.
PACKET_OVERHEAD = 1024

Gop = tuple[TimedPacket, ...]


class GopRing:
    """Holds whole groups of pictures, each from its key frame on; one thread writes, any thread reads.

    A group that alone is larger than `max_bytes` is let go of, and the ring is empty until the next key frame.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_gops: int = MAX_GOPS) -> None:
        self._max_bytes = max_bytes
        self._max_gops = max_gops
        self._lock = Lock()
        self._gops: deque[list[TimedPacket]] = deque()
        self._sizes: deque[int] = deque()

    def add(self, timed: TimedPacket) -> None:
        """Keep one more packet; one that belongs to no group is left out."""
        with self._lock:
            if timed.packet.is_keyframe:
                self._gops.append([])
                self._sizes.append(0)
            if not self._gops:
                return
            self._gops[-1].append(timed)
            self._sizes[-1] += timed.packet.size + PACKET_OVERHEAD
            while len(self._gops) > self._max_gops or sum(self._sizes) > self._max_bytes:
                self._gops.popleft()
                self._sizes.popleft()

    def gops(self) -> tuple[Gop, ...]:
        """All that is held, oldest first; the last group is still growing."""
        with self._lock:
            return tuple(tuple(gop) for gop in self._gops)

    def newest(self) -> Gop:
        """The packets since the last key frame, which is the first of them; empty where none is held."""
        with self._lock:
            return tuple(self._gops[-1]) if self._gops else ()
