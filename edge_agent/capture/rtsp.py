"""Reads the packets of one RTSP stream over TCP with PyAV; nothing is decoded here."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Self
from urllib.parse import quote, urlsplit

import av
from av.container import InputContainer

from camera_configs.source import RtspSource
from edge_agent.capture.decoder import MAX_PIXELS
from edge_agent.capture.explain import NO_ANSWER, SILENCE, explain_rtsp
from edge_agent.capture.packets import StreamCodec, TimedPacket, VideoPacket
from edge_agent.capture.timeline import Timeline, parse_prft
from edge_agent.clock import Clock
from edge_agent.errors import SourceEndError, SourceError

OPEN_TIMEOUT_S = 3.0
# Longer than the 3 s after which the supervisor says "stalled", so that a short freeze costs no new connection.
READ_TIMEOUT_S = 5.0
# The socket's own limit, should PyAV's not fire. FFmpeg 5 renamed `stimeout` to `timeout` (microseconds) and ignores
# the old name without a word.
SOCKET_TIMEOUT_S = 6.0
OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": str(round(SOCKET_TIMEOUT_S * 1e6)),
    # Sound would be sent and read for nothing.
    "allowed_media_types": "video",
    # Opening may decode a first picture to learn its size.
    "max_pixels": str(MAX_PIXELS),
}
# Measured: opening takes 0.1 s with a probe of 32 bytes and 1.2 s with FFmpeg's default, which also leaves a backlog
# of a second; 32 bytes are enough when the SDP tells the size of the picture.
QUICK_OPTIONS = OPTIONS | {"probesize": "32"}


class RtspReader:
    """One RTSP session of one camera; see `Source` for how it is used and what it raises."""

    def __init__(self, name: str, source: RtspSource, clock: Clock, wait: Callable[[float], bool]) -> None:
        self._name = f"{name}: {source.shown}"
        self._source = source
        self._clock = clock
        self._wait = wait
        self._container: InputContainer | None = None

    def __enter__(self) -> Self:
        """Open the session.

        Raises:
            SourceAuthError: the camera refused the credentials (401, 403).
            SourceError: it cannot be reached, has no such stream, or sends no video, or too large a one.
        """
        container = self._open(QUICK_OPTIONS) or self._open(OPTIONS)
        if container is None:
            raise SourceError(f"{self._name} sends no video that can be read; check the port, the path and the codec")
        codec = StreamCodec.of(container.streams.video[0])
        if codec.width * codec.height > MAX_PIXELS:
            container.close()
            size = f"{codec.width}x{codec.height}"
            raise SourceError(f"{self._name} sends pictures of {size}, too large to decode; choose a smaller stream")
        self._container, self._codec = container, codec
        return self

    def __exit__(self, *error: object) -> None:
        """Close the session."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def codec(self) -> StreamCodec:
        """How the packets are coded."""
        return self._codec

    def __iter__(self) -> Iterator[TimedPacket]:
        """Every packet as it arrives, until `wait` says stop.

        Raises:
            SourceEndError: the camera ended the stream.
            SourceError: the connection broke, or nothing came for 5 s.
        """
        if self._container is None:
            return
        timeline = Timeline(self._clock)
        packets = self._container.demux(self._container.streams.video[0])
        while not self._wait(0.0):
            packet = self._next(packets)
            yield TimedPacket.of(packet, timeline.stamp(_camera_time(packet)))

    def _open(self, options: dict[str, str]) -> InputContainer | None:
        """Open with these options; None where other options may do better."""
        began_s = self._clock.monotonic()
        try:
            container = av.open(self._address(), options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
        except av.InvalidDataError:
            # Measured: a camera that says nothing for the whole timeout ends in this error too.
            if self._clock.monotonic() - began_s < OPEN_TIMEOUT_S:
                return None
            failure = SourceError(f"{self._name} {NO_ANSWER}")
        except av.FFmpegError as error:
            failure = explain_rtsp(self._name, error)
        else:
            if _shows_video(container):
                return container
            container.close()
            return None
        # Raised outside the handler: FFmpeg's error holds the address with the password, and would ride along.
        raise failure

    def _address(self) -> str:
        if self._source.username is None or self._source.password is None:
            return self._source.url
        login = f"{quote(self._source.username, safe='')}:{quote(self._source.password.get_secret_value(), safe='')}"
        parts = urlsplit(self._source.url)
        return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()

    def _next(self, packets: Iterator[VideoPacket]) -> VideoPacket:
        began_s = self._clock.monotonic()
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            failure = explain_rtsp(self._name, error)
        else:
            # Measured: a frozen camera's first timeout gives a stray packet of a few bytes, only the second an error.
            if self._clock.monotonic() - began_s >= READ_TIMEOUT_S:
                raise SourceError(f"{self._name} {SILENCE}")
            # A killed camera is no error to FFmpeg: demuxing ends with one empty packet, made to flush the decoder.
            if packet is not None and packet.size > 0:
                return packet
            failure = SourceEndError(f"{self._name} ended the stream")
        raise failure


def _shows_video(container: InputContainer) -> bool:
    # Measured: a stream of a codec that FFmpeg has no decoder for has not even the attribute.
    return bool(container.streams.video) and getattr(container.streams.video[0], "width", 0) > 0


def _camera_time(packet: VideoPacket) -> datetime | None:
    # Without such data this is empty; asking first whether there is any costs as much again.
    return parse_prft(bytes(packet.get_sidedata("prft")))
