"""The capture of a real RTSP camera: live, killed, frozen, with wrong credentials and wrong addresses."""

import logging
import re
import threading
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from camera_configs.camera import CameraSpec
from camera_configs.source import FileSource
from edge_agent.capture import meter as meters
from edge_agent.capture.source import open_source
from edge_agent.clock import SystemClock
from edge_agent.errors import SourceAuthError
from edge_agent.types import ConnectionState
from tests.integration.capturing import camera, captured
from tests.lab import peers
from tests.lab.processes import free_port, wait_until

SECRET = "s3cr%t/@:pass"
LOGIN = ("admin", "plainpass-7741")


def damage(stream: bytes, good: int) -> bytes:
    """Annex-B H.264 whose slices after the first `good` ones name a parameter set (127) that is never sent."""
    slices = [
        match.end()
        for match in re.finditer(rb"\x00\x00\x01[\x01-\x7f]", stream)
        if stream[match.end() - 1] & 31 in {1, 5}
    ]
    damaged = bytearray(stream)
    for begin in slices[good:]:
        damaged[begin : begin + 2] = b"\xc0\x40"
    return bytes(damaged)


def is_frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_frames_arrive_live_and_stop_leaves_no_thread(rtsp_camera: peers.RtspCamera) -> None:
    before = set(threading.enumerate())
    with captured(camera(rtsp_camera.url("vtest"))) as (status, kept):
        wait_until(lambda: len(kept.frames) >= 30, "30 frames")
        live = status("gate")
    assert live.state is ConnectionState.LIVE
    assert live.reason is None
    assert live.packets >= 30
    assert 5 < live.fps < 20
    assert live.last_frame_at is not None
    frames = kept.frames
    image = frames[0].picture.bgr(768, 576)
    assert image.shape == (576, 768, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.std() > 20
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert all(a.time.monotonic_s < b.time.monotonic_s for a, b in zip(frames, frames[1:], strict=False))
    # At the stream's own rate nothing may be left out.
    assert len(frames) >= live.decoded - 1
    assert set(threading.enumerate()) <= before


def test_the_cameras_own_clock_is_used_once_rtcp_came(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"))) as (_, kept):
        wait_until(lambda: kept.frames and kept.frames[-1].time.source == "rtcp", "a frame dated by RTCP")
        late = (SystemClock().now() - kept.frames[-1].time.captured_at).total_seconds()
    assert kept.frames[0].time.source in {"arrival", "rtcp"}
    assert -0.5 < late < 2.0


def test_key_frames_only(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"), mode="keyframes")) as (status, kept):
        wait_until(lambda: len(kept.frames) >= 3, "3 key frames")
        live = status("gate")
    assert live.packets > 4 * live.decoded


def test_a_lower_rate_is_sampled(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"), fps=2.0)) as (status, kept):
        wait_until(lambda: len(kept.frames) >= 6, "6 frames")
        live = status("gate")
    assert live.decoded >= 20
    assert {b.seq - a.seq for a, b in zip(kept.frames[1:], kept.frames[2:], strict=False)} == {5}


def test_a_killed_camera_is_an_outage_and_comes_back(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"))) as (status, kept):
        wait_until(lambda: status("gate").state is ConnectionState.LIVE, "live")
        rtsp_camera.kill()
        wait_until(lambda: status("gate").state is ConnectionState.BACKOFF, "the outage was noticed")
        outage = status("gate")
        assert outage.fps == 0.0
        seen = len(kept.frames)
        rtsp_camera.start()
        wait_until(lambda: status("gate").state is ConnectionState.LIVE, "live again")
        wait_until(lambda: len(kept.frames) > seen + 5, "frames again")
        again = status("gate")
    assert outage.reason is not None
    assert f"camera gate: rtsp://127.0.0.1:{rtsp_camera.port} " in outage.reason
    assert again.reconnects == 1
    assert again.reason is None


def test_a_frozen_camera_stalls_and_recovers(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"))) as (status, kept):
        wait_until(lambda: len(kept.frames) > 10, "frames")
        rtsp_camera.freeze()
        wait_until(lambda: is_frozen(rtsp_camera.pid), "the server froze")
        wait_until(lambda: status("gate").state is ConnectionState.STALLED, "the stall was noticed")
        assert is_frozen(rtsp_camera.pid)
        stalled = status("gate")
        # FFmpeg gives up after its own timeouts and connects anew to the frozen server.
        wait_until(lambda: status("gate").state is not ConnectionState.STALLED, "the connection was given up")
        # Nothing that FFmpeg hands out while it gives up may pass for a sign of life.
        assert status("gate").state is not ConnectionState.LIVE
        assert "sent nothing for too long" in (status("gate").reason or "")
        rtsp_camera.thaw()
        seen = len(kept.frames)
        wait_until(lambda: status("gate").state is ConnectionState.LIVE, "live again")
        wait_until(lambda: len(kept.frames) > seen + 5, "frames again")
        again = status("gate")
    assert stalled.stalls == 1
    assert "no packet" in (stalled.reason or "")
    assert again.reconnects >= 1


def test_a_short_freeze_needs_no_new_connection(rtsp_camera: peers.RtspCamera) -> None:
    with captured(camera(rtsp_camera.url("vtest"))) as (status, kept):
        wait_until(lambda: len(kept.frames) > 10, "frames")
        rtsp_camera.freeze()
        wait_until(lambda: is_frozen(rtsp_camera.pid), "the server froze")
        wait_until(lambda: status("gate").state is ConnectionState.STALLED, "the stall was noticed")
        rtsp_camera.thaw()
        seen = len(kept.frames)
        wait_until(lambda: len(kept.frames) > seen + 10, "frames again")
        after = status("gate")
    assert (after.state, after.reconnects, after.stalls) == (ConnectionState.LIVE, 0, 1)


@pytest.mark.parametrize("given", [("admin", SECRET), ("other", SECRET), None])
def test_wrong_credentials(
    tmp_path: Path, vtest_h264: Path, caplog: pytest.LogCaptureFixture, given: tuple[str, str] | None
) -> None:
    caplog.set_level(logging.DEBUG)
    with peers.RtspCamera(tmp_path, {"vtest": (vtest_h264, 10)}, LOGIN) as server:
        url = f"rtsp://127.0.0.1:{server.port}/vtest"
        with captured(camera(url, login=given)) as (status, kept):
            wait_until(lambda: status("gate").state is ConnectionState.AUTH_FAILED, "the refusal was noticed")
            refused = status("gate")
    assert kept.frames == []
    assert f"rtsp://127.0.0.1:{server.port} refused the credentials" in (refused.reason or "")
    assert "refused the credentials" in caplog.text
    for text in (refused.reason or "", caplog.text, repr(refused)):
        assert SECRET not in text
        assert quote(SECRET, safe="") not in text


def test_no_error_carries_the_password_along(tmp_path: Path, vtest_h264: Path) -> None:
    with peers.RtspCamera(tmp_path, {"vtest": (vtest_h264, 10)}, LOGIN) as server:
        spec = camera(f"rtsp://127.0.0.1:{server.port}/vtest", login=("admin", SECRET))
        source = open_source("camera gate", spec.source, SystemClock(), threading.Event().wait)
        with pytest.raises(SourceAuthError) as caught, source:
            pass
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert quote(SECRET, safe="") not in repr(source) + repr(caught.value) + str(caught.value)


def test_right_credentials(tmp_path: Path, vtest_h264: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with peers.RtspCamera(tmp_path, {"vtest": (vtest_h264, 10)}, LOGIN) as server:
        spec = camera(f"rtsp://127.0.0.1:{server.port}/vtest", login=LOGIN)
        with captured(spec) as (status, kept):
            wait_until(lambda: len(kept.frames) > 2, "frames")
            server.kill()
            wait_until(lambda: status("gate").state is ConnectionState.BACKOFF, "the outage was noticed")
            wait_until(lambda: "refused the connection" in (status("gate").reason or ""), "a try that was refused")
            reason = status("gate").reason or ""
    assert LOGIN[1] not in caplog.text + reason + repr(spec)


@pytest.mark.parametrize("path", ["user=admin&password=hunter2&channel=1", "main?token=hunter2"])
def test_a_password_in_the_address_shows_nowhere(
    rtsp_camera: peers.RtspCamera, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.DEBUG)
    deaf = camera(f"rtsp://127.0.0.1:{free_port()}/{path}").model_copy(update={"id": "deaf"})
    with captured(camera(rtsp_camera.url(path)), deaf) as (status, _):
        wait_until(lambda: "no such stream (404)" in (status("gate").reason or ""), "the wrong path was told")
        wait_until(lambda: "refused the connection" in (status("deaf").reason or ""), "the wrong port was told")
        shown = repr([status("gate"), status("deaf")])
    assert f"camera gate: rtsp://127.0.0.1:{rtsp_camera.port} has no such stream" in shown
    assert "hunter2" not in shown + caplog.text


def test_a_stream_that_cannot_be_decoded_is_an_outage(
    tmp_path: Path, vtest_h264: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meters, "UNDECODED_MIN_S", 2.0)
    monkeypatch.setattr(meters, "UNDECODED_UNKNOWN_S", 2.0)
    damaged = tmp_path / "damaged.h264"
    damaged.write_bytes(damage(vtest_h264.read_bytes(), good=20))
    server = peers.RtspCamera(tmp_path, {"vtest": (damaged, 10)})
    with server, captured(camera(server.url("vtest"))) as (status, kept):
        wait_until(lambda: status("gate").state is ConnectionState.LIVE, "live")
        wait_until(lambda: "cannot be decoded" in (status("gate").reason or ""), "the outage was noticed")
        outage = status("gate")
    assert outage.packets > len(kept.frames) + 15
    assert outage.corrupt > 15


def test_a_wrong_path_and_a_wrong_port_say_so_while_the_other_camera_runs(rtsp_camera: peers.RtspCamera) -> None:
    base = rtsp_camera.url("")
    lost = camera(base + "nothing").model_copy(update={"id": "lost"})
    deaf = camera(f"rtsp://127.0.0.1:{free_port()}/vtest").model_copy(update={"id": "deaf"})
    with captured(camera(rtsp_camera.url("vtest")), lost, deaf) as (status, kept):
        wait_until(lambda: "no such stream (404)" in (status("lost").reason or ""), "the wrong path was told")
        wait_until(lambda: "check the port" in (status("deaf").reason or ""), "the wrong port was told")
        seen = len(kept.frames)
        wait_until(lambda: len(kept.frames) > seen + 5, "frames of the good camera")
    assert {frame.camera_id for frame in kept.frames} == {"gate"}


def test_a_corrupt_video_file_says_so_while_the_other_camera_runs(
    rtsp_camera: peers.RtspCamera, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.avi"
    junk.write_bytes(b"RIFF" + bytes(range(256)) * 40)
    bad = CameraSpec(id="bad", name_zh="坏", name_en="Bad", source=FileSource(path=junk))
    with captured(camera(rtsp_camera.url("vtest")), bad) as (status, kept):
        wait_until(lambda: str(junk) in (status("bad").reason or ""), "the corrupt file was told")
        wait_until(lambda: len(kept.frames) > 5, "frames of the good camera")
        assert status("gate").state is ConnectionState.LIVE
