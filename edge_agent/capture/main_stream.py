"""The stream that is too dear to look at: its packets are kept, and decoded when a picture is asked for."""

from dataclasses import dataclass

from av.video.frame import VideoFrame

from edge_agent.capture.decoder import DecodedPicture, Decoder
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.capture.ring import Gop, GopRing
from edge_agent.capture.supervisor import Take
from edge_agent.clock import Clock
from edge_agent.types import Frame, FrameTime, Picture

# A picture further away than this shows another moment.
NEAR_S = 0.5


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one connection left: how it was coded, and its newest packets."""

    codec: StreamCodec
    ring: GopRing


class MainStream:
    """The main stream of a camera whose sub-stream is looked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: _Kept | None = None
        self._meter = Meter()

    def connect(self, codec: StreamCodec, meter: Meter) -> Take:
        """Begin with the packets of a new connection; those of the one before are let go of."""
        kept = _Kept(codec, GopRing())
        self._kept = kept

        def take(timed: TimedPacket) -> list[Frame]:
            kept.ring.add(timed)
            meter.not_blind()
            return []

        return take

    @property
    def decode_s(self) -> float:
        """CPU seconds that decoding took, whoever asked for it."""
        return self._meter.decode_s

    def picture(self, at: FrameTime) -> Picture | None:
        """Decode the picture nearest to `at`, or None where none within 0.5 s is held; one thread at a time.

        Where both streams are dated by the camera (RTCP) its clock tells what is nearest: the frame itself, where both
        show the same frames. Else the times of arrival do. Measured on the test server with one stream read twice,
        1080p25 at 4 Mbit/s: RTCP 0 ms apart; arrival 0.2 ms in the median, 8 ms at p99, 86 ms at worst, two frames. A
        camera whose large frames are long on their way adds that time.
        """
        kept = self._kept
        if kept is None:
            return None
        places = [(gop, place) for gop in kept.ring.gops() for place in range(len(gop))]
        if not places:
            return None
        gop, place = min(places, key=lambda found: _apart_s(found[0][found[1]].time, at))
        return self._decode(kept.codec, gop, place) if _apart_s(gop[place].time, at) <= NEAR_S else None

    def _decode(self, codec: StreamCodec, gop: Gop, place: int) -> Picture | None:
        decoder = Decoder(codec, None, self._meter, self._clock)
        pictures: list[VideoFrame] = []
        for timed in gop[:place]:
            pictures = decoder.pictures(timed) or pictures
        pictures = decoder.alone(gop[place]) or pictures
        wanted = gop[place].time
        chosen = next((picture for picture in pictures if picture.opaque is wanted), pictures[-1] if pictures else None)
        return None if chosen is None else DecodedPicture(chosen)


def _apart_s(one: FrameTime, other: FrameTime) -> float:
    if one.source == other.source == "rtcp":
        return abs((one.captured_at - other.captured_at).total_seconds())
    return abs(one.monotonic_s - other.monotonic_s)
