"""What a source counts while it reads; its supervisor looks on from another thread."""

from dataclasses import dataclass

STALL_MIN_S = 3.0
STALL_INTERVALS = 5
# A quarter of a second's hiccup in a 25 fps stream must not look like a 4 fps stream.
SMOOTHING = 0.1


@dataclass(slots=True)
class Meter:
    """Counters of one camera over all its connections; `last_packet_s` and `interval_s` are of the present one."""

    packets: int = 0
    decoded: int = 0
    corrupt: int = 0
    last_packet_s: float | None = None
    interval_s: float | None = None

    def connected(self) -> None:
        """Forget the pace of the connection before."""
        self.last_packet_s = None
        self.interval_s = None

    def packet(self, now_s: float) -> None:
        """Count a packet that arrived at monotonic `now_s`."""
        self.packets += 1
        if self.last_packet_s is not None:
            gap = now_s - self.last_packet_s
            self.interval_s = gap if self.interval_s is None else self.interval_s + SMOOTHING * (gap - self.interval_s)
        self.last_packet_s = now_s

    def stall_limit_s(self) -> float:
        """Return how many seconds without a packet are a stall: 3 s, or five frames of a slow camera."""
        return max(STALL_MIN_S, STALL_INTERVALS * (self.interval_s or 0.0))

    def fps(self) -> float:
        """Return the packets a second of the present connection."""
        return 1.0 / self.interval_s if self.interval_s else 0.0
