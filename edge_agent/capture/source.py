"""What a source of packets is, and which reader a configuration asks for."""

from collections.abc import Callable, Iterator
from typing import Protocol, Self

from camera_configs.source import FileSource, RtspSource
from edge_agent.capture.file import FileReader
from edge_agent.capture.packets import StreamCodec, TimedPacket
from edge_agent.capture.rtsp import RtspReader
from edge_agent.clock import Clock

Wait = Callable[[float], bool]


class Source(Protocol):
    """One connection to a camera or file; entering it opens, leaving it closes, iterating it gives every packet.

    Iteration ends quietly only when `wait` says that it is time to stop; everything else is an error:
    SourceAuthError, SourceEndError or SourceError, on entering or while iterating.
    """

    def __enter__(self) -> Self:
        """Open the connection."""
        ...

    def __exit__(self, *error: object) -> None:
        """Close the connection."""
        ...

    @property
    def codec(self) -> StreamCodec:
        """How the packets are coded; known while the connection is open."""
        ...

    def __iter__(self) -> Iterator[TimedPacket]:
        """Packets in the order of decoding, each when it arrives or is due."""
        ...


def open_source(name: str, source: RtspSource | FileSource, clock: Clock, wait: Wait) -> Source:
    """Return the reader of `source`; it is opened by entering it. `name` begins the text of every error.

    `wait(seconds)` pauses and tells whether to stop, as `threading.Event.wait` does, or raises SourceError, which is to
    be let through, when the connection is to be given up; it is called before each packet.
    """
    if isinstance(source, RtspSource):
        return RtspReader(name, source, clock, wait)
    return FileReader(name, source, clock, wait)
