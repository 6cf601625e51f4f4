"""What is counted of one camera's stream, and when silence, blindness or a flood is an outage."""

from dataclasses import dataclass

STALL_MIN_S = 3.0
STALL_INTERVALS = 5
# A quarter of a second's hiccup in a 25 fps stream must not look like a 4 fps stream.
SMOOTHING = 0.1
# One gap that a late packet stretched is out of the middle of three.
USUAL_OF = 3
# Packets without a picture: a decoder that joined between key frames, or that decodes nothing else, waits for the next.
UNDECODED_MIN_S = 10.0
UNDECODED_KEY_INTERVALS = 3
# Before two key frames came nobody knows how rare they are: 250 frames at 10 a second, x264's default, are 25 s.
UNDECODED_UNKNOWN_S = 30.0
# No camera sends this; what does would take the processor from the others. Shorter than what the supervisor calls a
# connection that held, so that the waits between two such connections grow.
FLOOD_WINDOW_S = 5.0
FLOOD_PACKETS = 1500
FLOOD_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Meter:
    """Counters of one camera over all its connections; times and intervals, monotonic seconds, are of the present one.

    `blind_since_s` is when the wait for the next picture began: with the first packet, with the last one that gave a
    picture, or with the last one that was not meant to be decoded. `seen` says that one of the latter two came.
    `key_interval_s` is the longest gap between key frames, `key_gaps_s` are the last few.
    """

    packets: int = 0
    decoded: int = 0
    corrupt: int = 0
    decode_s: float = 0.0
    decoder: str | None = None
    first_packet_s: float | None = None
    last_packet_s: float | None = None
    interval_s: float | None = None
    blind_since_s: float | None = None
    seen: bool = False
    last_key_s: float | None = None
    key_interval_s: float | None = None
    key_gaps_s: tuple[float, ...] = ()
    window_s: float = 0.0
    window_packets: int = 0
    window_bytes: int = 0

    def connected(self) -> None:
        """Forget the pace of the connection before."""
        self.first_packet_s = None
        self.last_packet_s = None
        self.interval_s = None
        self.blind_since_s = None
        self.seen = False
        self.last_key_s = None
        self.key_interval_s = None
        self.key_gaps_s = ()
        self.window_packets = self.window_bytes = 0

    def packet(self, now_s: float, *, key_frame: bool, size: int = 0, corrupt: bool = False) -> None:
        """Count a packet of `size` bytes that arrived at monotonic `now_s`; to be called before its pictures are."""
        self.packets += 1
        self.corrupt += corrupt
        if self.last_packet_s is None:
            self.first_packet_s = self.blind_since_s = self.window_s = now_s
        else:
            gap = now_s - self.last_packet_s
            self.interval_s = gap if self.interval_s is None else self.interval_s + SMOOTHING * (gap - self.interval_s)
        self.last_packet_s = now_s
        if key_frame:
            if self.last_key_s is not None:
                gap = now_s - self.last_key_s
                self.key_interval_s = max(self.key_interval_s or 0.0, gap)
                self.key_gaps_s = (*self.key_gaps_s, gap)[-USUAL_OF:]
            self.last_key_s = now_s
        if now_s - self.window_s >= FLOOD_WINDOW_S:
            self.window_s = now_s
            self.window_packets = self.window_bytes = 0
        self.window_packets += 1
        self.window_bytes += size

    def pictures(self, count: int) -> None:
        """Count the pictures that the last packet gave."""
        self.decoded += count
        if count:
            self.not_blind()

    def not_blind(self) -> None:
        """Take note that the last packet gave a picture, or that nobody wanted one of it."""
        self.blind_since_s = self.last_packet_s
        self.seen = True

    def is_undecodable(self) -> bool:
        """Tell whether packets have come for too long without a picture: 10 s, or three key frames' time.

        Of a connection that showed fewer than two key frames it takes 30 s to say so.
        """
        if self.last_packet_s is None or self.blind_since_s is None:
            return False
        limit_s = UNDECODED_UNKNOWN_S
        if self.key_interval_s is not None:
            limit_s = max(UNDECODED_MIN_S, UNDECODED_KEY_INTERVALS * self.key_interval_s)
        return self.last_packet_s - self.blind_since_s > limit_s

    def is_flood(self) -> bool:
        """Tell whether more came within 5 s than any camera sends: 1,500 packets or 64 MiB."""
        return self.window_packets > FLOOD_PACKETS or self.window_bytes > FLOOD_BYTES

    def stall_limit_s(self) -> float:
        """Return how many seconds without a packet are a stall: 3 s, or five frames of a slow camera."""
        return max(STALL_MIN_S, STALL_INTERVALS * (self.interval_s or 0.0))

    def key_interval_at_least_s(self) -> float | None:
        """Return the usual time between two key frames, or since the last one where that is longer already.

        Usual is the median of the last three gaps: one pause of the network must not count for ever.
        """
        since_s = self.first_packet_s if self.last_key_s is None else self.last_key_s
        if self.last_packet_s is None or since_s is None:
            return None
        usual_s = sorted(self.key_gaps_s)[min(len(self.key_gaps_s) - 1, USUAL_OF // 2)] if self.key_gaps_s else 0.0
        return max(usual_s, self.last_packet_s - since_s)

    def fps(self) -> float:
        """Return the packets a second of the present connection."""
        return 1.0 / self.interval_s if self.interval_s else 0.0
