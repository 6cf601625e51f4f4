"""Where a camera's pictures come from: an RTSP stream or a file, credentials kept apart from the address."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from camera_configs.geometry import ConfigModel

MAX_PORT = 65535


def check_rtsp_url(url: str) -> str:
    """Return `url` when it is an RTSP address without credentials.

    Raises:
        ValueError: another scheme, no host, a bad port, or a user name or password inside the address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        msg = "the address cannot be read; write rtsp://host[:port]/path"
        raise ValueError(msg) from None
    if parts.scheme not in {"rtsp", "rtsps"}:
        msg = f"scheme {parts.scheme or '(none)'!r} is not rtsp or rtsps"
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "the address holds credentials; put them into 'username' and 'password'"
        raise ValueError(msg)
    try:
        port = parts.port
    except ValueError:
        msg = f"the port is not a number from 1 to {MAX_PORT}"
        raise ValueError(msg) from None
    if not parts.hostname or port == 0:
        msg = "the address has no host or a port of 0; write rtsp://host[:port]/path"
        raise ValueError(msg)
    return url


class RtspSource(ConfigModel):
    """An RTSP stream over TCP."""

    kind: Literal["rtsp"] = "rtsp"
    url: Annotated[str, Field(max_length=2000), AfterValidator(check_rtsp_url)]
    username: Annotated[str, Field(max_length=100)] | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "RtspSource":
        if (self.username is None) != (self.password is None):
            msg = "give both 'username' and 'password', or neither"
            raise ValueError(msg)
        return self


class FileSource(ConfigModel):
    """A video file, played at its own frame rate; `loop` starts it again at its end."""

    kind: Literal["file"] = "file"
    path: Path
    loop: bool = False


Source = Annotated[RtspSource | FileSource, Field(discriminator="kind")]
