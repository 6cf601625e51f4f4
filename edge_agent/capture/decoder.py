"""Decodes what the policy asks for out of the packets of one video stream."""

from typing import TYPE_CHECKING, cast

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from camera_configs.camera import DecodePolicy
from edge_agent.capture.meter import Meter
from edge_agent.types import Image, Luma

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    # PyAV types packets by their stream, but only its stubs know that.
    VideoPacket = Packet


class Decoder:
    """The decoder of one connection; it counts decoded pictures and damaged packets."""

    def __init__(self, stream: VideoStream, policy: DecodePolicy, meter: Meter) -> None:
        codec = stream.codec_context
        # Measured: frame threads add 80 ms of latency and save nothing.
        codec.thread_count = 1
        codec.flags |= Flags.copy_opaque
        if policy.mode == "keyframes":
            codec.skip_frame = "NONKEY"
        self._meter = meter

    def pictures(self, packet: VideoPacket) -> list[VideoFrame]:
        """Return what this packet completes; a picture carries the `opaque` of its own packet."""
        if packet.is_corrupt:
            self._meter.corrupt += 1
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            self._meter.corrupt += 1
            return []
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
