"""Where a camera's pictures come from: an RTSP stream or a file, credentials kept apart from the address."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from camera_configs.geometry import ConfigModel

MAX_PORT = 65535
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


def check_rtsp_url(url: str) -> str:
    """Return `url` when it is an RTSP address without credentials.

    Raises:
        ValueError: another scheme, a bad host or port, or a user name or password before the host.
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
    # Host and port are shown in logs and on the hub: nothing else may hide in them.
    if not _HOST.fullmatch(parts.hostname):
        msg = "the host is neither a name of a-z, 0-9, '.', '_' and '-' nor an IP address"
        raise ValueError(msg)
    return url


RtspUrl = Annotated[str, Field(max_length=2000), AfterValidator(check_rtsp_url)]


class RtspSource(ConfigModel):
    """A camera's RTSP stream over TCP; only scheme, host and port of its address are ever shown.

    Where `sub_url` names a second, smaller stream of the same camera with the same login, that one is looked at, and
    the first is read for the pictures of evidence only. Both must show the same field of view: masks and zones drawn on
    one are laid over both, and a main stream of another shape is not used.
    """

    kind: Literal["rtsp"] = "rtsp"
    url: Annotated[RtspUrl, Field(repr=False)]
    sub_url: Annotated[RtspUrl | None, Field(repr=False)] = None
    username: Annotated[str, Field(max_length=100)] | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "RtspSource":
        if (self.username is None) != (self.password is None):
            msg = "give both 'username' and 'password', or neither"
            raise ValueError(msg)
        return self

    @property
    def sub(self) -> "RtspSource | None":
        """The second stream as a source of its own, or None."""
        return None if self.sub_url is None else self.model_copy(update={"url": self.sub_url, "sub_url": None})

    @property
    def shown(self) -> str:
        """The address as it may stand in logs: path and query are left out, many cameras take a password there."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class FileSource(ConfigModel):
    """A video file, played at its own frame rate; `loop` starts it again at its end."""

    kind: Literal["file"] = "file"
    path: Path
    loop: bool = False


Source = Annotated[RtspSource | FileSource, Field(discriminator="kind")]
