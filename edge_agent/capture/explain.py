"""Says in our words why FFmpeg could not open or read something; its own text holds the address with the password."""

import av

from edge_agent.errors import SourceAuthError, SourceError

SILENCE = "sent nothing for too long; the camera or the network hangs"
NO_ANSWER = "did not answer in time; check the address, the network and the camera's power"

_RTSP: tuple[tuple[type[Exception], str], ...] = (
    (av.HTTPNotFoundError, "has no such stream (404); check the path of source.url"),
    (av.ExitError, SILENCE),
    (TimeoutError, NO_ANSWER),
    (ConnectionRefusedError, "refused the connection; check the port of source.url and that RTSP is switched on"),
    (ConnectionError, "broke the connection"),
    # FFmpeg's -1 for a PLAY that was refused, unreadable or not answered at all; its own sentence would mislead.
    (PermissionError, "did not begin to play; check the path of source.url and how many viewers it has already"),
    (av.InvalidDataError, "sent data that is not RTSP or not video; check port and path of source.url"),
)
_FILE: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, "does not exist; check source.path"),
    (PermissionError, "may not be read; check its owner and mode"),
    (IsADirectoryError, "is a folder, not a video; check source.path"),
    (av.InvalidDataError, "is not a video that can be read; it is damaged or of an unknown format"),
)


def explain_rtsp(name: str, error: av.FFmpegError) -> SourceError:
    """Return the error to raise for `error`; `name` says which camera and address, without credentials."""
    if isinstance(error, av.HTTPUnauthorizedError | av.HTTPForbiddenError):
        return SourceAuthError(f"{name} refused the credentials; check source.username and source.password")
    return SourceError(f"{name} {_reason(error, _RTSP)}")


def explain_file(name: str, error: av.FFmpegError) -> SourceError:
    """Return the error to raise for `error`; `name` says which camera and file."""
    return SourceError(f"{name} {_reason(error, _FILE)}")


def _reason(error: av.FFmpegError, known: tuple[tuple[type[Exception], str], ...]) -> str:
    for kind, words in known:
        if isinstance(error, kind):
            return words
    # `strerror` is FFmpeg's or the system's fixed sentence for the code, without the address.
    return f"failed: {error.strerror or type(error).__name__}; check the address and what lies at it"
