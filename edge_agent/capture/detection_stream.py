"""The stream that is looked at: decodes as little of it as is demanded, and the newest of it at once."""

import logging

from av.video.frame import PictureType, VideoFrame

from camera_configs.camera import DecodePolicy
from edge_agent.capture.decoder import DecodedPicture, Decoder
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.capture.ring import GopRing
from edge_agent.capture.sampler import Sampler
from edge_agent.capture.supervisor import Take
from edge_agent.clock import Clock
from edge_agent.types import Demand, Frame, FrameTime

log = logging.getLogger(__name__)

# Key frames that gave no picture, one after another, before another way is tried.
BARREN_KEYS = 2
# What stands in for key frames in a stream whose key frames do not stand alone: a look every 2 s.
INSTEAD_OF_KEYS = Demand("full", 0.5)


class DetectionStream:
    """What is demanded of one camera's decoder, over all its connections; any thread may change it.

    The decode policy is the ceiling of every demand and, until the first one, what is done: policy `full` is obeyed as
    it stands, any other begins with key frames.
    """

    def __init__(self, camera_id: str, policy: DecodePolicy, device: str | None, clock: Clock) -> None:
        self.camera_id = camera_id
        self.device = device
        self.clock = clock
        self._policy = policy
        # One reference, replaced and never changed: readers need no lock.
        self.demanded = Demand("full", policy.fps) if policy.mode == "full" else Demand("keyframes")

    def demand(self, demand: Demand) -> None:
        """Ask for something else from the next packet on; `full` at no frames a second is taken for key frames."""
        if demand.mode == "full":
            if self._policy.mode == "keyframes" or demand.fps <= 0:
                demand = Demand("keyframes")
            else:
                demand = Demand("full", min(demand.fps, self._policy.fps))
        self.demanded = demand

    def connect(self, codec: StreamCodec, meter: Meter) -> Take:
        """Begin with the packets of a new connection."""
        return _Decoding(self, codec, meter).take


class _Decoding:
    """One connection's packets on their way to frames; one thread uses it."""

    def __init__(self, stream: DetectionStream, codec: StreamCodec, meter: Meter) -> None:
        self._stream = stream
        self._codec = codec
        self._device = stream.device
        self._meter = meter
        self._ring = GopRing(max_gops=1)
        self._decoder: Decoder | None = None
        self._sampler: Sampler | None = None
        # Whether the decoder has had every packet since the last key frame.
        self._in_step = False
        self._barren_keys = 0
        self._keys_stand_alone = True
        self._last: FrameTime | None = None

    def take(self, timed: TimedPacket) -> list[Frame]:
        """Keep the packet, decode what is demanded now, and return the frames to hand on."""
        self._ring.add(timed)
        demand = self._stream.demanded
        if demand.mode == "idle":
            # A decoder that nobody needs keeps a dozen megabytes of pictures.
            self._decoder, self._in_step, self._barren_keys = None, False, 0
            self._meter.not_blind()
            return []
        if timed.packet.is_keyframe:
            self._change_ways()
        if demand.mode == "keyframes" and not self._keys_stand_alone:
            demand = INSTEAD_OF_KEYS
        if demand.mode == "full":
            return self._full(timed, demand.fps)
        return self._key_frame(timed)

    def _key_frame(self, timed: TimedPacket) -> list[Frame]:
        self._in_step, self._sampler = False, None
        if not timed.packet.is_keyframe:
            return []
        pictures = self._ready().alone(timed)
        self._judge(pictures)
        return [self._frame(picture, timed.time) for picture in pictures]

    def _full(self, timed: TimedPacket, fps: float) -> list[Frame]:
        if self._sampler is None or self._sampler.fps != fps:
            self._sampler = Sampler(fps)
        decoder = self._ready()
        if self._in_step:
            pictures = decoder.pictures(timed)
        else:
            # What was before this packet is past; it only has to be decoded for this one to be seen.
            for earlier in self._ring.newest()[:-1]:
                decoder.pictures(earlier)
            pictures = decoder.pictures(timed)
            self._in_step = True
        self._judge(pictures)
        frames = [self._frame(picture, timed.time) for picture in pictures]
        return [
            frame
            for picture, frame in zip(pictures, frames, strict=True)
            if self._sampler.wants(_stream_time_s(picture, frame.time))
        ]

    def _ready(self) -> Decoder:
        if self._decoder is None:
            self._decoder = Decoder(self._codec, self._device, self._meter, self._stream.clock)
        return self._decoder

    def _judge(self, pictures: list[VideoFrame]) -> None:
        if pictures and self._decoder is not None:
            self._barren_keys = 0
            # After damage real key frames come again; a gradual refresh has none.
            self._keys_stand_alone |= any(picture.pict_type == PictureType.I for picture in pictures)
            note = "" if self._keys_stand_alone else ", key frames do not stand alone"
            self._meter.decoder = self._decoder.name + note

    def _change_ways(self) -> None:
        """Try another way when key frames give no picture: software after hardware, every packet after key frames."""
        self._barren_keys += 1
        if self._barren_keys <= BARREN_KEYS:
            return
        self._barren_keys = 0
        if self._decoder is not None and self._decoder.device is not None:
            log.warning("camera %s: %s gives no pictures; decoding without it", self._stream.camera_id, self._device)
            self._device, self._decoder, self._in_step = None, None, False
        else:
            # Gradual intra refresh: a "key frame" only begins to refresh the picture. Seen with x264's intra-refresh.
            self._keys_stand_alone = False

    def _frame(self, picture: VideoFrame, arrived: FrameTime) -> Frame:
        time = picture.opaque if isinstance(picture.opaque, FrameTime) else arrived
        # A picture that was sent before others that are shown earlier would go back in time.
        if self._last is not None and time.monotonic_s < self._last.monotonic_s:
            time = arrived
        self._last = time
        return Frame(self._stream.camera_id, self._meter.decoded, DecodedPicture(picture), time)


def _stream_time_s(picture: VideoFrame, time: FrameTime) -> float:
    """Arrival jitters: at the stream's own rate it would lose every other frame; a file is played by its own times."""
    if time.source == "file" or picture.pts is None or picture.time_base is None:
        return time.monotonic_s
    return float(picture.pts * picture.time_base)
