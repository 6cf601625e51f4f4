"""What a source of frames is, and which one a camera's configuration asks for."""

from collections.abc import Callable, Iterator
from typing import Protocol, Self

from camera_configs.camera import CameraSpec
from camera_configs.source import RtspSource
from edge_agent.capture.file import FileReader
from edge_agent.capture.meter import Meter
from edge_agent.capture.rtsp import RtspReader
from edge_agent.clock import Clock
from edge_agent.types import Frame

Wait = Callable[[float], bool]


class Source(Protocol):
    """One connection to a camera or file; entering it opens, leaving it closes, iterating it gives frames.

    Iteration ends quietly only when `wait` says that it is time to stop; everything else is an error:
    SourceAuthError, SourceEndError or SourceError, on entering or while iterating.
    """

    def __enter__(self) -> Self:
        """Open the connection."""
        ...

    def __exit__(self, *error: object) -> None:
        """Close the connection."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames at the rate of the decode policy."""
        ...


def open_source(camera: CameraSpec, clock: Clock, wait: Wait, meter: Meter) -> Source:
    """Return the source that `camera.source` describes, read as `camera.decode` asks; it is opened by entering it.

    `wait(seconds)` pauses and tells whether to stop, as `threading.Event.wait` does, or raises SourceError, which is to
    be let through, when the connection is to be given up; it is called before each packet. `meter` is counted up.
    """
    if isinstance(camera.source, RtspSource):
        return RtspReader(camera.id, camera.source, camera.decode, clock, wait, meter)
    return FileReader(camera.id, camera.source, camera.decode, clock, wait, meter)
