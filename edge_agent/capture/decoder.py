"""Decodes the packets of one video stream, within bounds, and counts what that costs."""

from typing import cast

import av
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from edge_agent.capture.hwaccel import open_hardware, runs_on
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.clock import Clock
from edge_agent.types import Image, Luma

# The largest cameras send 7680x4320, panoramas up to 8192 wide. FFmpeg refuses more before it takes memory for it.
MAX_PIXELS = 8192 * 4608


class Decoder:
    """One decoder, in software or on a device of the given kind; one thread may use it."""

    def __init__(self, codec: StreamCodec, device: str | None, meter: Meter, clock: Clock) -> None:
        hardware = None if device is None else open_hardware(codec.name, device)
        self.device = None if hardware is None else device
        self._context = hardware or _open_software(codec)
        self._context.extradata = codec.extradata
        # Measured: frame threads add 80 ms of latency and save nothing.
        self._context.thread_count = 1
        self._context.flags |= Flags.copy_opaque
        self._context.options = {"max_pixels": str(MAX_PIXELS)}
        self._meter = meter
        self._clock = clock

    @property
    def name(self) -> str:
        """Codec and device, such as `h264` or `h264 (vaapi)`."""
        if self.device is not None and runs_on(self._context, self.device):
            return f"{self._context.name} ({self.device})"
        return self._context.name

    def pictures(self, timed: TimedPacket) -> list[VideoFrame]:
        """Return what this packet completes; a picture carries the `opaque` of its own packet."""
        return self._counted(timed, alone=False)

    def alone(self, timed: TimedPacket) -> list[VideoFrame]:
        """Decode a key frame without what follows it, at once, even where a stream reorders its pictures."""
        return self._counted(timed, alone=True)

    def _counted(self, timed: TimedPacket, *, alone: bool) -> list[VideoFrame]:
        began_s = self._clock.thread_cpu_s()
        try:
            pictures = self._context.decode(timed.packet)
            if alone:
                pictures += self._context.decode(None)
        except av.FFmpegError:
            self._meter.corrupt += 1
            pictures = []
        finally:
            if alone:
                self._context.flush_buffers()
            self._meter.decode_s += self._clock.thread_cpu_s() - began_s
        self._meter.pictures(len(pictures))
        return pictures


class DecodedPicture:
    """A picture as the decoder made it, see `Picture`: colours and size are converted in one pass when asked for."""

    def __init__(self, frame: VideoFrame) -> None:
        self._frame = frame

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self._frame.width

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self._frame.height

    def bgr(self, width: int, height: int) -> Image:
        """(height, width, 3) uint8 BGR; a width that leaves padding at the end of a row costs a copy."""
        return cast("Image", self._frame.to_ndarray(width=width, height=height, format="bgr24"))

    def luma(self, width: int, height: int) -> Luma:
        """(height, width) uint8."""
        return cast("Luma", self._frame.to_ndarray(width=width, height=height, format="gray"))


def _open_software(codec: StreamCodec) -> VideoCodecContext:
    context = cast("VideoCodecContext", CodecContext.create(codec.name, "r"))
    context.width, context.height = codec.width, codec.height
    return context
