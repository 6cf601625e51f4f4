"""What the benchmarks `edge` and `growth` start and watch: RTSP cameras, a hub with its broker, agents.

The agent is the real program with its hub and broker. Cameras and hub are processes of their own and not counted.
CPU time is that of proc(5): utime and stime of a program and of its children.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from scripts.benchmarks.street import FPS, GOP, camera_document, clips
from scripts.demo_camera import ROOT, SYSTEM_PYTHON
from scripts.local_site import AgentProcess, HubProcess
from scripts.processes import ManagedProcess, free_port, wait_until

MODEL = "yolo11n-int8"
MB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
KEY_FRAMES_PER_S = FPS / GOP
FINDINGS = {"quiet": {"parking"}, "busy": {"parking", "crowding"}}
# The busy clip runs 78 s: what did not open by then and its own time never will.
FINDINGS_TIMEOUT_S = 110.0


@dataclass(frozen=True, slots=True)
class Window:
    """What a program and its children took in a while: mean of busy cores, resident memory at its end, and how long."""

    cores: float
    rss_mb: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Looks:
    """What an agent did in a window, all cameras together a second, and the longest mean pause of a camera."""

    inferences: float
    decoded: float
    worst_pause_s: float


class StreetCameras(ManagedProcess):
    """`count` RTSP cameras of one scene in a process of their own; they begin at different places of the clip."""

    def __init__(self, scene: str, count: int, folder: Path) -> None:
        self.names = [f"street-{number:02}" for number in range(1, count + 1)]
        files = clips(scene)
        mounts = [f"{name}={files[number % len(files)]}@{FPS}" for number, name in enumerate(self.names)]
        script = ROOT / "scripts" / "rtsp_camera.py"
        super().__init__(f"cameras-{scene}-{count}", [SYSTEM_PYTHON, script, "--port", "0", *mounts], folder)

    def ready(self) -> bool:
        """Tell whether the cameras can be opened."""
        return "READY" in self.log()

    @property
    def urls(self) -> dict[str, str]:
        """The address of each camera."""
        port = self.wait_for_log(r"READY ([0-9]+)")[1]
        return {name: f"rtsp://127.0.0.1:{port}/{name}" for name in self.names}


class StreetAgent(AgentProcess):
    """An agent that looks at all these cameras with all three rules."""

    def __init__(self, folder: Path, cameras: StreetCameras, settings: dict[str, object]) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder, settings)
        self._cameras = cameras.names
        for name, url in cameras.urls.items():
            self.add_camera(camera_document(name, url))

    def figures(self, name: str) -> dict[str, float]:
        """The figure `tianrui_camera_<name>` of each camera; empty while the agent starts."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5.0).text
        except httpx.TransportError:
            return {}
        row = rf'^tianrui_camera_{name}{{camera="([\w-]+)"}} (\S+)$'
        return {camera: float(value) for camera, value in re.findall(row, text, re.M)}

    def wait_for_first_look(self) -> float:
        """Seconds from the start until the first frame of any camera was looked at; call right after `launch`."""
        began = time.monotonic()
        self.wait_for(lambda: any(self.figures("inferences_total").values()), "a first look")
        return time.monotonic() - began

    def found(self) -> set[tuple[str, str]]:
        """Each camera with each finding that it has opened."""
        rows = re.findall(r"camera ([\w-]+) zone [\w-]+: (\w+) open", self.log())
        return {(camera, "parking" if "parking" in name else name) for camera, name in rows}

    def wait_for_findings(self, scene: str) -> bool:
        """Wait until every camera opened what the scene holds; whether it holds that and nothing else."""
        expected = {(camera, name) for camera in self._cameras for name in FINDINGS[scene]}
        try:
            wait_until(lambda: expected <= self.found(), "the findings", FINDINGS_TIMEOUT_S)
        except TimeoutError:
            return False
        return expected == self.found()

    def watch(self, seconds: float) -> tuple[Window, Looks]:
        """Let the agent run for some seconds and tell what it took and did."""
        kinds = ("inferences_total", "decoded_total", "looks_total")
        before = {kind: self.figures(kind) for kind in kinds}
        window = watch(self, seconds)
        done = {kind: self._grown(kind, before[kind]) for kind in kinds}
        slowest = min((done["looks_total"] or done["inferences_total"]).values())
        return window, Looks(
            sum(done["inferences_total"].values()) / window.seconds,
            sum(done["decoded_total"].values()) / window.seconds,
            window.seconds / max(slowest, 0.5),
        )

    def _grown(self, kind: str, before: dict[str, float]) -> dict[str, float]:
        return {camera: value - before.get(camera, 0.0) for camera, value in self.figures(kind).items()}


class Street:
    """A hub with its broker, and one agent after the other, each as a box of its own."""

    def __init__(self, folder: Path, boxes: int) -> None:
        self._folder = folder
        settings = {"port": free_port(), "embedded_broker": True, "embedded_broker_port": free_port()}
        self._hub = HubProcess(folder, settings)
        self._broker_port = settings["embedded_broker_port"]
        self._tokens = {f"box-{number}": self._hub.provision(f"box-{number}") for number in range(boxes)}

    @contextmanager
    def running(self) -> Iterator["Street"]:
        """Run the hub."""
        with self._hub:
            yield self

    def agent(self, cameras: StreetCameras) -> StreetAgent:
        """A new box that looks at these cameras; it is not started yet."""
        edge_id, token_file = self._tokens.popitem()
        settings: dict[str, object] = {"edge_id": edge_id, "hub_url": self._hub.url, "mqtt_host": "127.0.0.1"}
        settings |= {"mqtt_port": self._broker_port, "token_file": str(token_file), "model": MODEL}
        return StreetAgent(self._folder / edge_id, cameras, settings)


def watch(process: ManagedProcess, seconds: float) -> Window:
    """CPU time of the program and its children over some seconds, and their memory at the end."""
    before, began = _cpu_s(process.pid), time.monotonic()
    time.sleep(seconds)
    spent, took = _cpu_s(process.pid) - before, time.monotonic() - began
    if not process.running:
        raise RuntimeError(f"{process.name} ended while it was measured:\n{process.log()[-2000:]}")
    return Window(spent / took, _rss_mb(process.pid), took)


def _members(session: int) -> Iterator[list[str]]:
    """The fields of /proc/PID/stat behind the name, and the PID before them, of every process of the session."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        fields = [path.parent.name, *text.rpartition(")")[2].split()]
        if int(fields[4]) == session:
            yield fields


def _cpu_s(session: int) -> float:
    # utime, stime and those of ended children: fields 14 to 17 of proc(5).
    return sum(sum(map(int, fields[12:16])) for fields in _members(session)) / TICKS


def _rss_mb(session: int) -> float:
    return sum(int(fields[22]) * PAGE for fields in _members(session)) / MB
