"""What a source counts while it reads, and when silence or pictures that fail are an outage."""

from dataclasses import dataclass

STALL_MIN_S = 3.0
STALL_INTERVALS = 5
# A quarter of a second's hiccup in a 25 fps stream must not look like a 4 fps stream.
SMOOTHING = 0.1
# Packets without a picture: a decoder that joined between key frames, or that decodes nothing else, waits for the next.
UNDECODED_MIN_S = 10.0
UNDECODED_KEY_INTERVALS = 3
# Before two key frames came nobody knows how rare they are: 250 frames at 10 a second, x264's default, are 25 s.
UNDECODED_UNKNOWN_S = 30.0


@dataclass(slots=True)
class Meter:
    """Counters of one camera over all its connections; times and intervals, monotonic seconds, are of the present one.

    `shown_s` is when the last packet that gave a picture came, or the first; `key_interval_s` is the longest gap.
    """

    packets: int = 0
    decoded: int = 0
    corrupt: int = 0
    last_packet_s: float | None = None
    interval_s: float | None = None
    shown_s: float | None = None
    last_key_s: float | None = None
    key_interval_s: float | None = None

    def connected(self) -> None:
        """Forget the pace of the connection before."""
        self.last_packet_s = None
        self.interval_s = None
        self.shown_s = None
        self.last_key_s = None
        self.key_interval_s = None

    def packet(self, now_s: float, *, key_frame: bool) -> None:
        """Count a packet that arrived at monotonic `now_s`; to be called before its pictures are counted."""
        self.packets += 1
        if self.shown_s is None:
            self.shown_s = now_s
        if key_frame:
            if self.last_key_s is not None:
                self.key_interval_s = max(self.key_interval_s or 0.0, now_s - self.last_key_s)
            self.last_key_s = now_s
        if self.last_packet_s is not None:
            gap = now_s - self.last_packet_s
            self.interval_s = gap if self.interval_s is None else self.interval_s + SMOOTHING * (gap - self.interval_s)
        self.last_packet_s = now_s

    def pictures(self, count: int) -> None:
        """Count the pictures that the last packet gave."""
        self.decoded += count
        if count:
            self.shown_s = self.last_packet_s

    def is_undecodable(self) -> bool:
        """Tell whether packets have come for too long without a picture: 10 s, or three key frames' time.

        Of a connection that showed fewer than two key frames it takes 30 s to say so.
        """
        if self.last_packet_s is None or self.shown_s is None:
            return False
        limit_s = UNDECODED_UNKNOWN_S
        if self.key_interval_s is not None:
            limit_s = max(UNDECODED_MIN_S, UNDECODED_KEY_INTERVALS * self.key_interval_s)
        return self.last_packet_s - self.shown_s > limit_s

    def stall_limit_s(self) -> float:
        """Return how many seconds without a packet are a stall: 3 s, or five frames of a slow camera."""
        return max(STALL_MIN_S, STALL_INTERVALS * (self.interval_s or 0.0))

    def fps(self) -> float:
        """Return the packets a second of the present connection."""
        return 1.0 / self.interval_s if self.interval_s else 0.0
