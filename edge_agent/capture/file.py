"""Plays a video file as if it were a camera: at its own frame rate, once or for ever."""

from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from typing import Self

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from camera_configs.source import FileSource
from edge_agent.capture.explain import explain_file
from edge_agent.capture.packets import StreamCodec, TimedPacket, VideoPacket
from edge_agent.clock import Clock
from edge_agent.errors import SourceEndError, SourceError
from edge_agent.types import FrameTime

DEFAULT_FPS = 25.0


class FileReader:
    """One playing of one file; see `Source` for how it is used and what it raises.

    The time of a packet is the moment when playing began plus the packet's time in the file; a loop goes on counting.
    """

    def __init__(self, name: str, source: FileSource, clock: Clock, wait: Callable[[float], bool]) -> None:
        self._name = f"{name}: file {source.path}"
        self._source = source
        self._clock = clock
        self._wait = wait
        self._container: InputContainer | None = None

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            SourceError: it is missing, unreadable, damaged, or holds no video.
        """
        self._container = self._open()
        self._codec = StreamCodec.of(self._container.streams.video[0])
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def codec(self) -> StreamCodec:
        """How the packets are coded."""
        return self._codec

    def __iter__(self) -> Iterator[TimedPacket]:
        """Every packet when it is due, until `wait` says stop.

        Raises:
            SourceEndError: the file ended and is not looped.
            SourceError: it cannot be read on.
        """
        began = FrameTime(self._clock.now(), self._clock.monotonic(), "file")
        offset_s = 0.0
        while self._container is not None:
            length_s = yield from self._play(self._container, began, offset_s)
            if length_s is None:
                return
            if not self._source.loop:
                raise SourceEndError(f"{self._name} ended; set source.loop to play it again")
            offset_s += length_s
            self._container.close()
            self._container = self._open()

    def _open(self) -> InputContainer:
        try:
            # The scheme keeps a path such as `rtsp:/x` or `pipe:` from being taken for an address.
            container = av.open(f"file:{self._source.path}")
        except av.FFmpegError as error:
            raise explain_file(self._name, error) from None
        if not container.streams.video or container.streams.video[0].width == 0:
            container.close()
            raise SourceError(f"{self._name} holds no video")
        return container

    def _play(
        self, container: InputContainer, began: FrameTime, offset_s: float
    ) -> Generator[TimedPacket, None, float | None]:
        """Give the packets of one pass; return its length in seconds, or None when it was stopped."""
        stream = container.streams.video[0]
        frame_s = 1.0 / float(stream.average_rate or DEFAULT_FPS)
        at_s = 0.0
        for at_s, packet in self._positions(container, stream, frame_s):
            moment = _later(began, offset_s + at_s)
            if self._wait(max(0.0, moment.monotonic_s - self._clock.monotonic())):
                return None
            yield TimedPacket.of(packet, moment)
        return at_s + frame_s

    def _positions(
        self, container: InputContainer, stream: VideoStream, frame_s: float
    ) -> Iterator[tuple[float, VideoPacket]]:
        """Give each packet with its place in the file in seconds, which never goes back."""
        first_s: float | None = None
        at_s = 0.0
        packets = container.demux(stream)
        while (packet := self._next(packets)) is not None:
            if not packet.size:
                # Damage, or the last one, which is made to flush a decoder.
                continue
            if packet.dts is not None and packet.time_base is not None:
                here_s = float(packet.dts * packet.time_base)
                first_s = here_s if first_s is None else first_s
                at_s = max(at_s, here_s - first_s)
            elif first_s is not None:
                at_s += frame_s
            else:
                first_s = 0.0
            yield at_s, packet

    def _next(self, packets: Iterator[VideoPacket]) -> VideoPacket | None:
        try:
            return next(packets, None)
        except av.FFmpegError as error:
            raise explain_file(self._name, error) from None


def _later(time: FrameTime, seconds: float) -> FrameTime:
    return FrameTime(time.captured_at + timedelta(seconds=seconds), time.monotonic_s + seconds, time.source)
