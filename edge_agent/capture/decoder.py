"""Decodes the packets of one video stream, within bounds, and counts what that costs."""

import threading
from typing import cast

import av
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from edge_agent.capture.hwaccel import open_hardware, runs_on
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.clock import Clock
from edge_agent.types import Image, Luma

# The largest cameras send 7680x4320, panoramas up to 8192 wide. FFmpeg refuses more before it takes memory for it.
MAX_PIXELS = 8192 * 4608
# Cameras of a box share few sizes, each with a handful of targets.
MAX_CONVERTERS = 64


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
        return cast("Image", self._converted(width, height, "bgr24").to_ndarray())

    def luma(self, width: int, height: int) -> Luma:
        """(height, width) uint8."""
        return cast("Luma", self._converted(width, height, "gray").to_ndarray())

    def _converted(self, width: int, height: int, colours: str) -> VideoFrame:
        kind = (self._frame.width, self._frame.height, self._frame.format.name, width, height, colours)
        try:
            return _converters.of(kind).reformat(self._frame, width, height, colours)
        except (av.FFmpegError, MemoryError) as error:
            msg = f"{kind[0]}x{kind[1]} {kind[2]} cannot be converted to {width}x{height} {colours}: {error}"
            raise ValueError(msg) from error


class _Converters(threading.local):
    """Each thread's converters by what they convert from and to, because one that changes its sizes starts anew.

    Measured at 1080p: luma of 160 px takes 0.45 ms with a kept converter and 3.1 ms with a new one.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int | str, ...], VideoReformatter] = {}

    def of(self, kind: tuple[int | str, ...]) -> VideoReformatter:
        """The converter for this kind; the oldest makes room, for a camera may change its size at any time."""
        if kind not in self._kept:
            if len(self._kept) >= MAX_CONVERTERS:
                del self._kept[next(iter(self._kept))]
            self._kept[kind] = VideoReformatter()
        return self._kept[kind]


_converters = _Converters()


def _open_software(codec: StreamCodec) -> VideoCodecContext:
    context = cast("VideoCodecContext", CodecContext.create(codec.name, "r"))
    context.width, context.height = codec.width, codec.height
    return context
