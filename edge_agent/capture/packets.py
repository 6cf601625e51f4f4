"""What every source gives: the packets of one video stream with their times, and how they are coded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from av.packet import Packet
from av.video.stream import VideoStream

from edge_agent.types import FrameTime

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    # PyAV types packets by their stream, but only its stubs know that.
    VideoPacket = Packet


@dataclass(frozen=True, slots=True, eq=False)
class TimedPacket:
    """One packet, which is not empty, and its time; the data are the demuxer's own, not a copy.

    The packet's `opaque` is its time too: FFmpeg hands it on to the picture that the packet becomes.
    """

    packet: VideoPacket
    time: FrameTime

    @classmethod
    def of(cls, packet: VideoPacket, time: FrameTime) -> Self:
        """Put the time on a packet that nobody else has yet."""
        packet.opaque = time
        return cls(packet, time)


@dataclass(frozen=True, slots=True)
class StreamCodec:
    """What a decoder must know before the first packet: FFmpeg's name, the parameter sets if known, and the size."""

    name: str
    extradata: bytes | None
    width: int
    height: int

    @classmethod
    def of(cls, stream: VideoStream) -> Self:
        """The codec of an opened stream."""
        context = stream.codec_context
        return cls(context.name, context.extradata, context.width, context.height)
