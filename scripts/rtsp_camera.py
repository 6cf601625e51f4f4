#!/usr/bin/python3
"""Plays Annex-B H.264 files in an endless loop as RTSP cameras on the loopback address, with digest login where asked.

Runs under the system's Python, because GStreamer's bindings come as Debian packages: python3-gi and
gir1.2-gst-rtsp-server-1.0.
Prints `READY <port>` once it listens. Example: rtsp_camera.py --port 0 gate=/tmp/gate.h264@10
"""

import argparse
import re
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - the versions must be chosen first

PIPELINE = (
    "( appsrc name=src is-live=true format=time block=false max-bytes=0 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 aggregate-mode=zero-latency )"
)
ROLE = "viewer"
SLICES = {1, 5}
BEFORE_A_PICTURE = {6, 7, 8, 9}


@dataclass(frozen=True, slots=True)
class Mount:
    """One camera: the path below the server's root, its H.264 file and its frames per second."""

    name: str
    file: Path
    fps: int

    @classmethod
    def parse(cls, text: str) -> "Mount":
        """Build a mount from `name=file@fps`; raise ValueError when the text has another form."""
        match = re.fullmatch(r"([\w/-]+)=(.+)@([1-9]\d*)", text)
        if match is None:
            raise ValueError(f"{text!r} is not name=file@fps")
        return cls(match[1], Path(match[2]), int(match[3]))


def access_units(stream: bytes) -> list[bytes]:
    """Split an Annex-B H.264 stream into access units, one picture with its parameter sets each."""
    starts = [match.start() for match in re.finditer(b"\x00\x00\x01", stream)]
    units: list[bytes] = []
    current = b""
    has_picture = False
    for begin, end in zip(starts, [*starts, len(stream)][1:], strict=True):
        nal = stream[begin:end].rstrip(b"\x00")
        kind = nal[3] & 0x1F
        # The first bit of a slice is set when first_mb_in_slice is 0, which begins a new picture.
        begins = kind in BEFORE_A_PICTURE or (kind in SLICES and nal[4] & 0x80)
        if has_picture and begins:
            units.append(current)
            current, has_picture = b"", False
        current += b"\x00" + nal
        has_picture = has_picture or kind in SLICES
    return [*units, current] if has_picture else units


class LoopingCamera:
    """Feeds one mount to all its viewers in real time; timestamps go on over the seam of the loop."""

    def __init__(self, mount: Mount) -> None:
        self.fps = mount.fps
        self.units = access_units(mount.file.read_bytes())
        if not self.units:
            raise ValueError(f"{mount.file} holds no H.264 picture; make one with python -m scripts.footage --h264 10")
        self.factory = GstRtspServer.RTSPMediaFactory()
        self.factory.set_launch(PIPELINE)
        self.factory.set_shared(True)
        self.factory.set_latency(0)
        self.factory.connect("media-configure", self._start)

    def demand_login(self) -> None:
        """Let only users who have logged in see or open the camera."""
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role(ROLE, "media.factory.access", True)
        permissions.add_permission_for_role(ROLE, "media.factory.construct", True)
        self.factory.set_permissions(permissions)

    def _start(self, _factory: object, media: "GstRtspServer.RTSPMedia") -> None:
        source = media.get_element().get_child_by_name("src")
        stopped = threading.Event()
        media.connect("unprepared", lambda _media: stopped.set())
        threading.Thread(target=self._feed, args=(source, stopped), daemon=True).start()

    def _feed(self, source: "Gst.Element", stopped: threading.Event) -> None:
        while source.get_clock() is None or source.get_state(0)[1] != Gst.State.PLAYING:
            if stopped.wait(0.005):
                return
        duration = Gst.SECOND // self.fps
        begin = time.monotonic()
        first_pts = source.get_clock().get_time() - source.get_base_time()
        number = 0
        while not stopped.wait(max(0.0, begin + number / self.fps - time.monotonic())):
            buffer = Gst.Buffer.new_wrapped(self.units[number % len(self.units)])
            buffer.pts = buffer.dts = first_pts + number * duration
            buffer.duration = duration
            if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return
            number += 1


def digest_login(user: str, password: str) -> "GstRtspServer.RTSPAuth":
    """Return an RTSP authentication that knows one user and speaks digest only."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth.add_digest(user, password, token)
    return auth


def serve(mounts: list[Mount], port: int, login: tuple[str, str] | None) -> "GstRtspServer.RTSPServer":
    """Start a server for the mounts on 127.0.0.1 (port 0 picks a free one); raise OSError when the port is taken."""
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    if login is not None:
        server.set_auth(digest_login(*login))
    for mount in mounts:
        camera = LoopingCamera(mount)
        if login is not None:
            camera.demand_login()
        server.get_mount_points().add_factory(f"/{mount.name}", camera.factory)
    if server.attach(None) == 0:
        raise OSError(f"cannot listen on 127.0.0.1:{port}: the port is taken")
    return server


def main() -> int:
    """Serve the cameras named on the command line until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8554, help="0 picks a free port")
    parser.add_argument("--login", metavar="USER:PASSWORD", help="demand this login by digest")
    parser.add_argument("mounts", nargs="+", metavar="NAME=FILE@FPS")
    arguments = parser.parse_args()
    Gst.init(None)
    user, _, password = (arguments.login or "").partition(":")
    try:
        mounts = [Mount.parse(text) for text in arguments.mounts]
        server = serve(mounts, arguments.port, (user, password) if arguments.login else None)
    except (OSError, ValueError) as error:
        print(f"rtsp_camera: error: {error}", file=sys.stderr)
        return 1
    print(f"READY {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
