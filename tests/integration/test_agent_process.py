"""The agent as a process, told wrong things: it says what, which and what to do, and its other cameras go on."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.local_site import write_yaml
from tests.lab.processes import ManagedProcess, free_port, listens

TOKEN = "box-token-that-must-not-be-shown"


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    wanted = {
        "edge_id": "box-1",
        "data_dir": str(folder / "data"),
        "cameras_dir": str(folder / "cameras"),
        "hub_url": "http://127.0.0.1:9",
        "mqtt_host": "127.0.0.1",
        "mqtt_port": free_port(),
        "token_file": str(folder / "token"),
    }
    return wanted | changes


def add_camera(folder: Path, camera_id: str, source: dict[str, Any], **changes: Any) -> None:
    document = {"id": camera_id, "name_zh": camera_id, "name_en": camera_id, "source": source} | changes
    write_yaml(folder / "cameras" / f"{camera_id}.yaml", document)


def agent(
    folder: Path, document: dict[str, Any], command: str = "run", env: dict[str, str] | None = None
) -> ManagedProcess:
    path = write_yaml(folder / "edge.yaml", document)
    return ManagedProcess("agent", [sys.executable, "-m", "edge_agent", command, "--settings", path], folder, env)


def refusal(process: ManagedProcess) -> str:
    """The words with which the agent refuses to start."""
    process.launch()
    try:
        process.wait_for(lambda: process.returncode is not None, "the refusal")
    finally:
        process.stop()
    assert process.returncode == 2, process.log()
    assert "Traceback" not in process.log()
    assert TOKEN not in process.log()
    return process.log()


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    said = refusal(agent(tmp_path, settings(tmp_path, mqtt_port=0, colour="blue")))
    assert "edge.yaml: mqtt_port: " in said
    assert "edge.yaml: colour: " in said


def test_a_missing_token_says_how_to_get_one(tmp_path: Path) -> None:
    said = refusal(agent(tmp_path, settings(tmp_path, token_file=str(tmp_path / "nowhere"))))
    assert "nowhere" in said
    assert "tianrui-hub provision-edge" in said


def test_a_bad_field_of_a_camera_is_named_with_its_file(tmp_path: Path) -> None:
    add_camera(tmp_path, "gate", {"kind": "rtsp", "url": "http://camera/main"})
    said = refusal(agent(tmp_path, settings(tmp_path)))
    assert "gate.yaml: source.rtsp.url: " in said
    assert "rtsp" in said


def test_a_missing_model_says_where_it_was_looked_for(tmp_path: Path) -> None:
    add_camera(tmp_path, "gate", {"kind": "rtsp", "url": "rtsp://127.0.0.1:9/main"})
    said = refusal(agent(tmp_path, settings(tmp_path, model="yolo99")))
    assert "model 'yolo99' is not in the manifest" in said
    assert "yolo11n-int8" in said


@pytest.mark.needs_assets
def test_a_second_agent_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    add_camera(tmp_path, "gate", {"kind": "rtsp", "url": "rtsp://127.0.0.1:9/main"})
    with agent(tmp_path, settings(tmp_path)) as first:
        first.wait_for_log("box box-1 looks at 1 cameras")
        other = tmp_path / "other"
        other.mkdir()
        second = settings(other, data_dir=str(tmp_path / "data"), cameras_dir=str(tmp_path / "cameras"))
        assert "another agent uses it" in refusal(agent(other, second))
        assert first.running


@pytest.mark.needs_assets
def test_a_taken_port_for_the_figures_is_named(tmp_path: Path) -> None:
    add_camera(tmp_path, "gate", {"kind": "rtsp", "url": "rtsp://127.0.0.1:9/main"})
    port = free_port()
    blocker = ManagedProcess("blocker", [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"], tmp_path)
    blocker.ready = lambda: listens(port)  # type: ignore[method-assign]
    with blocker:
        assert f"metrics_port {port}" in refusal(agent(tmp_path, settings(tmp_path, metrics_port=port)))


@pytest.mark.needs_assets
def test_check_says_that_all_is_well_and_starts_nothing(tmp_path: Path) -> None:
    add_camera(tmp_path, "gate", {"kind": "rtsp", "url": "rtsp://127.0.0.1:9/main"})
    process = agent(tmp_path, settings(tmp_path), "check")
    process.launch()
    process.wait_for(lambda: process.returncode is not None, "the check")
    assert (process.returncode, "ok: box box-1, 1 cameras" in process.log()) == (0, True)
    assert not (tmp_path / "data" / "outbox.sqlite").exists()


@pytest.mark.needs_assets
def test_without_broker_and_with_broken_cameras_the_good_one_is_looked_at(tmp_path: Path, vtest_path: Path) -> None:
    corrupt = tmp_path / "corrupt.avi"
    corrupt.write_bytes(vtest_path.read_bytes()[:200] + b"\0" * 5000)
    add_camera(tmp_path, "good", {"kind": "file", "path": str(vtest_path), "loop": True}, decode={"fps": 5})
    add_camera(tmp_path, "corrupt", {"kind": "file", "path": str(corrupt)})
    add_camera(
        tmp_path, "nobody", {"kind": "rtsp", "url": "rtsp://127.0.0.1:9/main", "username": "u", "password": TOKEN}
    )
    process = agent(tmp_path, settings(tmp_path, metrics_port=free_port()))
    with process:
        process.wait_for_log(r"camera corrupt: .*corrupt\.avi")
        process.wait_for_log(r"camera nobody: ")
        process.wait_for_log(r"camera good: live")
        process.wait_for_log(r"Connection refused")
        assert process.stop() == 0
    assert TOKEN not in process.log_path.read_text(encoding="utf-8")
    lines = [line for line in process.log_path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    assert all(json.loads(line)["level"] != "critical" for line in lines)


@pytest.mark.needs_assets
def test_pictures_and_outbox_are_readable_by_their_owner_only(tmp_path: Path, vtest_path: Path) -> None:
    add_camera(tmp_path, "good", {"kind": "file", "path": str(vtest_path), "loop": True})
    with agent(tmp_path, settings(tmp_path)) as process:
        process.wait_for_log("camera good: live")
        data = tmp_path / "data"
        assert oct(data.stat().st_mode & 0o777) == "0o700"
        assert oct((data / "outbox.sqlite").stat().st_mode & 0o077) == "0o0"


@pytest.mark.needs_assets
def test_without_a_port_for_figures_nothing_listens(tmp_path: Path, vtest_path: Path) -> None:
    add_camera(tmp_path, "good", {"kind": "file", "path": str(vtest_path), "loop": True})
    port = free_port()
    with agent(tmp_path, settings(tmp_path, metrics_port=port)) as process:
        process.wait_for_log("camera good: live")
        assert listening_sockets(process.pid) == {f"127.0.0.1:{port}"}
    other = tmp_path / "other"
    other.mkdir()
    with agent(other, settings(other, cameras_dir=str(tmp_path / "cameras"))) as process:
        process.wait_for_log("camera good: live")
        assert listening_sockets(process.pid) == set()


def listening_sockets(pid: int) -> set[str]:
    """The addresses on which a process listens, by the kernel's own tables."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = str(link.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].rpartition(":")
                found.add(f"{_dotted(address)}:{int(port, 16)}")
    return found


def _dotted(address: str) -> str:
    """The kernel's hexadecimal IPv4 address as people write it; an IPv6 one stays as it is."""
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(address))) if len(address) == 8 else address
