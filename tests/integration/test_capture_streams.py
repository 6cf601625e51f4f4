"""What is decoded of a real RTSP camera at each demand, and the two streams of one camera."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from camera_configs.source import RtspSource
from edge_agent.capture.cameras import Cameras
from edge_agent.clock import SystemClock
from edge_agent.types import ConnectionState, Demand, Picture
from tests.integration.capturing import Kept, camera
from tests.lab import peers
from tests.lab.processes import wait_until


def test_a_demand_changes_what_is_decoded_of_a_live_camera(rtsp_camera: peers.RtspCamera) -> None:
    kept = Kept()
    cameras = Cameras([camera(rtsp_camera.url("vtest"))], kept, SystemClock())
    cameras.demand("gate", Demand("idle"))
    cameras.start()
    try:
        wait_until(lambda: cameras.status()["gate"].packets > 40, "packets")
        idle = cameras.status()["gate"]
        assert (idle.state, idle.decoded, kept.frames) == (ConnectionState.LIVE, 0, [])
        cameras.demand("gate", Demand("keyframes"))
        wait_until(lambda: len(kept.frames) >= 2, "2 key frames")
        frugal = cameras.status()["gate"]
        assert frugal.decoded <= 3
        assert (frugal.decoder, frugal.reconnects) == ("h264", 0)
        assert frugal.decode_s > 0
        assert 1.0 < (frugal.key_interval_s or 0.0) < 5.0
        cameras.demand("gate", Demand("full", 10))
        wait_until(lambda: len(kept.frames) >= 20, "frames")
    finally:
        cameras.stop(10.0)
    assert {b.time.monotonic_s > a.time.monotonic_s for a, b in zip(kept.frames, kept.frames[1:], strict=False)} == {
        True
    }


@contextmanager
def two_streams(folder: Path, video: Path) -> Iterator[tuple[peers.RtspCamera, peers.RtspCamera, Cameras, Kept]]:
    """A camera whose two streams come from two servers, so that each can fail by itself; both show the same video."""
    with peers.RtspCamera(folder, {"main": (video, 10)}) as main, peers.RtspCamera(folder, {"sub": (video, 10)}) as sub:
        source = RtspSource(url=main.url("main"), sub_url=sub.url("sub"))
        kept = Kept()
        spec = camera(sub.url("sub")).model_copy(update={"source": source})
        cameras = Cameras([spec], kept, SystemClock())
        cameras.start()
        try:
            yield main, sub, cameras, kept
        finally:
            cameras.stop(10.0)


def test_the_main_stream_gives_a_picture_of_the_moment_and_its_outage_is_only_told(
    tmp_path: Path, vtest_h264: Path
) -> None:
    with two_streams(tmp_path, vtest_h264) as (main, _, cameras, kept):

        def main_picture() -> Picture | None:
            return cameras.main_picture("gate", kept.frames[-1].time) if kept.frames else None

        wait_until(lambda: main_picture() is not None, "a picture of the main stream")
        picture = main_picture()
        assert picture is not None
        assert (picture.width, picture.height) == (768, 576)
        assert picture.bgr(768, 576).std() > 20
        assert cameras.main_picture("gate", replace(kept.frames[-1].time, monotonic_s=0.0, source="arrival")) is None
        main.kill()
        wait_until(lambda: "main stream" in (cameras.status()["gate"].reason or ""), "the outage was told")
        seen = len(kept.frames)
        wait_until(lambda: len(kept.frames) > seen + 20, "frames of the sub-stream")
        during = cameras.status()["gate"]
        assert (during.state, during.reconnects, during.stalls) == (ConnectionState.LIVE, 0, 0)
        main.start()
        wait_until(lambda: cameras.status()["gate"].reason is None, "the main stream is back")
        wait_until(lambda: main_picture() is not None, "a picture of the main stream again")


def test_the_picture_of_the_main_stream_is_the_one_that_was_asked_for(rtsp_camera: peers.RtspCamera) -> None:
    # One stream under both names: whatever was seen of it must be found in it.
    url = rtsp_camera.url("vtest")
    kept = Kept()
    spec = camera(url).model_copy(update={"source": RtspSource(url=url, sub_url=url)})
    cameras = Cameras([spec], kept, SystemClock())
    cameras.start()
    try:
        wait_until(lambda: len(kept.frames) > 25 and kept.frames[-1].time.source == "rtcp", "frames dated by RTCP")
        frame = kept.frames[-3]
        wait_until(lambda: len(kept.frames) > 40, "later frames")
        found = cameras.main_picture("gate", frame.time)
    finally:
        cameras.stop(10.0)
    assert found is not None
    assert np.array_equal(found.bgr(768, 576), frame.picture.bgr(768, 576))
