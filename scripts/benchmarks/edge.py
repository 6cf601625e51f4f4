"""CPU and memory of an agent a camera, beside the loops of other programs, on a quiet and on a busy street.

Equal for all: the clips, the RTSP server and its transport (TCP), the model's files, the zones, and that parking and
crowding must be opened; where one was not, the row says so. Not equal, and meant so: each program keeps its own
way to decode, to choose what it detects on and in which size (ultralytics and the pipe infer 640x640, the agent
640x384), and its own tracker; the agent also judges litter, stores evidence and talks to a hub, the others print. The
agent runs all its cameras in one process; of the others one camera runs alone. A loop that needs more than the
machine has drops frames, so its figure is what it took, not what it would need. One program is measured at a time,
in a window after its findings are open (or did not open). Ratios count, absolute figures depend on the machine.

`overhead` is the agent over `bare_loop`, which only reads, decodes and infers, as often as the agent did it.
"""

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.registry import find, search_path
from scripts.benchmarks.street import FPS, SCENES, camera_document
from scripts.benchmarks.street_site import (
    FINDINGS,
    FINDINGS_TIMEOUT_S,
    KEY_FRAMES_PER_S,
    MODEL,
    Looks,
    Street,
    StreetCameras,
    watch,
)
from scripts.demo_camera import ROOT
from scripts.processes import ManagedProcess, wait_until

PACKAGE = "scripts.benchmarks.peers"
TRACK, PIPE, SUPERVISION = "track_loop", "pipe_loop", "supervision_loop"
BARE_WARM_S = 5.0


class Peer(ManagedProcess):
    """One of the loops as a program; it prints one JSON line for each thing it has to tell."""

    def __init__(self, name: str, python: Path, arguments: Sequence[object], folder: Path) -> None:
        # ultralytics would install what it misses, and keep its settings in the home folder.
        quiet = {"YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": str(folder), "PYTHONPATH": str(ROOT)}
        super().__init__(name, [python, "-m", f"{PACKAGE}.{name}", *arguments], folder, quiet)

    def told(self, key: str) -> list[dict[str, Any]]:
        """The lines that hold this key."""
        rows = [json.loads(line) for line in re.findall(r"^\{.*\}$", self.log(), re.M)]
        return [row for row in rows if key in row]

    def wait_for_findings(self, scene: str) -> bool:
        """Wait until the loop opened what the scene holds; whether it opened that and nothing else."""
        with suppress(TimeoutError):
            self.wait_for(lambda: self._found() >= FINDINGS[scene], "the findings", FINDINGS_TIMEOUT_S)
        return self._found() == FINDINGS[scene]

    def _found(self) -> set[str]:
        return {row["finding"] for row in self.told("finding")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each measurement")
    parser.add_argument("--cameras", type=int, default=8, help="cameras of the agent")
    parser.add_argument("--peers-python", type=Path, help="a Python with ultralytics, openvino, supervision and av")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the agent with one camera, then on each scene the agent, the bare loop and the three others."""
    figures: dict[str, Any] = {"cameras": arguments.cameras, "cores of the machine": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="tianrui-edge-") as name:
        folder = Path(name)
        with Street(folder, 1 + len(SCENES)).running() as street:
            figures |= _first_camera(street, folder, arguments.seconds)
            for scene in SCENES:
                with StreetCameras(scene, arguments.cameras, folder) as cameras:
                    figures |= _agent(street, scene, cameras, arguments.seconds)
        for scene in SCENES:
            with StreetCameras(scene, 1, folder) as camera:
                for peer in (TRACK, PIPE, SUPERVISION):
                    figures |= _peer(peer, scene, camera, arguments)
    return _keys(figures) | figures


def _first_camera(street: Street, folder: Path, seconds: float) -> dict[str, Any]:
    with StreetCameras("quiet", 1, folder) as cameras:
        agent = street.agent(cameras)
        agent.launch()
        try:
            first_frame_s = agent.wait_for_first_look()
            agent.wait_for_findings("quiet")
            window, _ = agent.watch(seconds)
        finally:
            agent.stop()
    _say(f"agent, 1 camera, quiet: {window.cores:.3f} cores, {window.rss_mb:.0f} MB")
    return {
        "first_frame_s": round(first_frame_s, 2),
        "rss_first_mb": round(window.rss_mb, 1),
        "one camera: cores": round(window.cores, 4),
    }


def _agent(street: Street, scene: str, cameras: StreetCameras, seconds: float) -> dict[str, Any]:
    with street.agent(cameras) as agent:
        same = agent.wait_for_findings(scene)
        window, looks = agent.watch(seconds)
    bare = _bare(cameras, looks, seconds)
    count = len(cameras.names)
    _say(
        f"agent, {count} cameras, {scene}: {window.cores:.3f} cores, {window.rss_mb:.0f} MB; bare loop {bare:.3f} cores"
    )
    return {
        f"{scene}: agent cores": round(window.cores, 4),
        f"{scene}: agent cores a camera": round(window.cores / count, 4),
        f"{scene}: agent memory MB": round(window.rss_mb, 1),
        f"{scene}: agent inferences/s a camera": round(looks.inferences / count, 3),
        f"{scene}: agent decoded frames/s a camera": round(looks.decoded / count, 3),
        f"{scene}: agent longest mean pause s": round(looks.worst_pause_s, 2),
        f"{scene}: agent findings": "as expected" if same else f"NOT as expected: {sorted(agent.found())}",
        f"{scene}: bare loop cores": round(bare, 4),
        f"{scene}: overhead": round(window.cores / bare, 3),
        f"{scene}: load average": round(os.getloadavg()[0], 2),
    }


def _bare(cameras: StreetCameras, looks: Looks, seconds: float) -> float:
    """Cores that decoding and inference alone take; frames beyond the key frames come from GOPs decoded whole."""
    count = len(cameras.names)
    full = max(0.0, looks.decoded / count - KEY_FRAMES_PER_S) / (FPS - KEY_FRAMES_PER_S)
    options = ["--inferences", looks.inferences, "--full", full]
    peer = Peer("bare_loop", Path(sys.executable), [*options, *cameras.urls.values()], cameras.folder)
    with peer:
        peer.wait_for_log("READY")
        watch(peer, BARE_WARM_S)
        return watch(peer, seconds).cores


def _peer(name: str, scene: str, camera: StreetCameras, arguments: argparse.Namespace) -> dict[str, Any]:
    python = Path(sys.executable) if name == PIPE else arguments.peers_python
    if python is None:
        return {f"{scene}: {name}": "not run: give --peers-python, a Python with ultralytics, supervision and openvino"}
    document = camera_document("street", "rtsp://127.0.0.1/street")
    zones = {zone["id"]: zone for zone in document["zones"]}
    parking, road = zones["no-parking"], zones["road"]
    rules = {"parking": parking["polygon"], "road": road["polygon"], "dwell_s": parking["rules"][0]["dwell_s"]}
    rules |= {"hold_s": road["rules"][0]["hold_s"], "people": road["rules"][0]["levels"][0]}
    zones_file = camera.folder / "zones.json"
    zones_file.write_text(json.dumps(rules), encoding="utf-8")
    model = find(MODEL, search_path()).paths[0].parent
    options = ["--url", camera.urls[camera.names[0]], "--model", model, "--zones", zones_file]
    try:
        with Peer(name, python, options, camera.folder) as peer:
            same = peer.wait_for_findings(scene)
            before = peer.told("looks")[-1]
            window = watch(peer, arguments.seconds)
            after = wait_until(lambda: peer.told("looks")[-1], "a look")
    except (RuntimeError, TimeoutError, IndexError) as error:
        return {f"{scene}: {name}": f"not run: {error}"}
    rate = (after["looks"] - before["looks"]) / max(after["at"] - before["at"], 0.001)
    _say(f"{name}, 1 camera, {scene}: {window.cores:.3f} cores, {window.rss_mb:.0f} MB, {rate:.1f} inferences/s")
    return {
        f"{scene}: {name} cores": round(window.cores, 3),
        f"{scene}: {name} memory MB": round(window.rss_mb, 1),
        f"{scene}: {name} inferences/s": round(rate, 2),
        f"{scene}: {name} findings": "as expected"
        if same
        else f"NOT as expected: {sorted(peer.told('finding'), key=str)}",
    }


def _keys(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures that the project promises; None where a loop was not run."""
    count = figures["cameras"]
    more = statistics.fmean(figures[f"{scene}: agent memory MB"] for scene in SCENES) - figures["rss_first_mb"]
    return {
        "cameras_per_core_quiet": round(1 / figures["quiet: agent cores a camera"], 1),
        "cameras_per_core_busy": round(1 / figures["busy: agent cores a camera"], 1),
        "vs_yolo_track": _times(figures, "busy", TRACK),
        "vs_ffmpeg_pipe_busy": _times(figures, "busy", PIPE),
        "vs_ffmpeg_pipe_quiet": _times(figures, "quiet", PIPE),
        "vs_supervision_busy": _times(figures, "busy", SUPERVISION),
        "vs_supervision_quiet": _times(figures, "quiet", SUPERVISION),
        "overhead": max(figures[f"{scene}: overhead"] for scene in SCENES),
        "rss_next_mb": round(more / (count - 1), 1) if count > 1 else None,
    }


def _times(figures: dict[str, Any], scene: str, name: str) -> float | None:
    cores = figures.get(f"{scene}: {name} cores")
    return round(cores / figures[f"{scene}: agent cores a camera"], 1) if cores else None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
