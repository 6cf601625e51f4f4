"""Decodes what the policy asks for out of the packets of one video stream."""

from typing import TYPE_CHECKING, cast

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from camera_configs.camera import DecodePolicy
from edge_agent.capture.meter import Meter
from edge_agent.types import Image

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


def to_bgr(picture: VideoFrame) -> Image:
    """Return the picture as (H, W, 3) uint8 BGR, C-contiguous and writable.

    The array is the converter's own buffer; only a width that leaves padding at the end of a row costs a copy.
    """
    return cast("Image", picture.to_ndarray(format="bgr24"))
