"""The lab's own promise: each peer starts, answers, is killed, and leaves its port free."""

from pathlib import Path
from typing import TYPE_CHECKING

import av
import paho.mqtt.client as mqtt
import psycopg
import pytest
from av.video.frame import PictureType
from paho.mqtt.enums import CallbackAPIVersion

from tests.lab.fixtures import peer_or_skip
from tests.lab.footage import FPS
from tests.lab.peers import Mosquitto, Postgres, RtspCamera
from tests.lab.processes import ManagedProcess, free_port, listens, wait_until

if TYPE_CHECKING:
    from playwright.async_api import Browser


def test_a_program_is_started_watched_and_ended(tmp_path: Path) -> None:
    program = ManagedProcess("echo", ["sh", "-c", "echo hello; exec sleep 60"], tmp_path)
    with program:
        assert program.wait_for_log("^hel(lo)$")[1] == "lo"
        assert program.running
    assert not program.running
    assert program.returncode == -15


def test_a_program_that_ends_too_early_is_reported_with_its_log(tmp_path: Path) -> None:
    program = ManagedProcess("bad", ["sh", "-c", "echo no such disk; exit 3"], tmp_path)
    program.launch()
    with pytest.raises(RuntimeError, match=r"bad ended with 3 before(.|\n)*no such disk"):
        program.wait_for_log("ready")


def test_a_second_life_does_not_read_the_log_of_the_first(tmp_path: Path) -> None:
    program = ManagedProcess(
        "count", ["sh", "-c", "echo x >> lives; echo life $(wc -l < lives); exec sleep 60"], tmp_path
    )
    with program:
        assert program.wait_for_log(r"life (\d)")[1] == "1"
        program.kill()
        program.start()
        assert program.wait_for_log(r"life (\d)")[1] == "2"
        assert "life 1" in program.log_path.read_text()


def test_a_program_that_never_gets_ready_does_not_stay(tmp_path: Path) -> None:
    class NeverReady(ManagedProcess):
        def ready(self) -> bool:
            raise ValueError("no")

    program = NeverReady("never", ["sleep", "60"], tmp_path)
    with pytest.raises(ValueError, match="no"):
        program.start()
    assert program.returncode == -9


def test_killing_takes_the_children_along(tmp_path: Path) -> None:
    port = free_port()
    listen = f"import socket,time; s=socket.create_server(('127.0.0.1',{port})); time.sleep(60)"
    with ManagedProcess("parent", ["sh", "-c", f'python3 -c "{listen}" & wait'], tmp_path) as parent:
        parent.wait_for(lambda: listens(port), "the child listens")
        parent.kill()
        wait_until(lambda: not listens(port), "the port is free")


def test_mosquitto_answers_in_mqtt_5_and_leaves_its_port(mosquitto: Mosquitto) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    wait_until(client.is_connected, "connected")
    mosquitto.kill()
    wait_until(lambda: not client.is_connected(), "disconnected")
    client.disconnect()
    client.loop_stop()
    assert not listens(mosquitto.port)


def test_mosquitto_comes_back_on_the_same_port(mosquitto: Mosquitto) -> None:
    port = mosquitto.port
    mosquitto.kill()
    mosquitto.start()
    assert mosquitto.port == port
    assert listens(port)


def test_a_broken_broker_config_is_reported_at_once(tmp_path: Path) -> None:
    with peer_or_skip():
        broker = Mosquitto(tmp_path, "listener {port} 127.0.0.1\nno_such_option true\n")
    with pytest.raises(RuntimeError, match="no_such_option"):
        broker.start()


def test_postgres_gives_each_test_an_empty_database(postgres: Postgres, postgres_url: str) -> None:
    assert postgres_url.startswith("postgresql+psycopg://")
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        encoding = connection.execute("SHOW server_encoding").fetchone()
    assert tables == (0,)
    assert encoding == ("UTF8",)


def test_postgres_keeps_its_rows_over_a_kill() -> None:
    with peer_or_skip():
        cluster = Postgres()
    with cluster:
        cluster.run("CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
        cluster.kill()
        assert not listens(cluster.port)
        cluster.start()
        with psycopg.connect(cluster.dsn("postgres")) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    assert not listens(cluster.port)
    assert not cluster.folder.exists()


def test_vtest_is_the_video_it_should_be(vtest_path: Path) -> None:
    with av.open(vtest_path) as reader:
        video = reader.streams.video[0]
        assert (video.width, video.height, video.frames) == (768, 576, 795)


def test_the_camera_stream_has_no_b_frames_and_a_key_frame_every_two_seconds(vtest_h264: Path) -> None:
    with av.open(vtest_h264, format="h264") as reader:
        kinds = [PictureType(frame.pict_type).name for frame in reader.decode(video=0)]
    assert len(kinds) == 795
    assert set(kinds) == {"I", "P"}
    keys = [number for number, kind in enumerate(kinds) if kind == "I"]
    assert max(b - a for a, b in zip(keys, keys[1:], strict=False)) <= 2 * FPS


def read_pictures(url: str, count: int) -> list[int]:
    """Return the timestamps of the first pictures, in ticks of 1/90000 s."""
    pts: list[int] = []
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=10) as reader:
        for frame in reader.decode(video=0):
            assert (frame.width, frame.height) == (768, 576)
            # FFmpeg gives the very first picture of an RTSP session no timestamp (measured with PyAV 18.1).
            pts.append(-1 if frame.pts is None and not pts else frame.pts)
            if len(pts) == count:
                break
    return pts


def test_the_camera_plays_and_leaves_its_port(rtsp_camera: RtspCamera) -> None:
    pts = read_pictures(rtsp_camera.url("vtest"), 8)
    assert pts == sorted(set(pts))
    rtsp_camera.kill()
    assert not listens(rtsp_camera.port)


def test_the_camera_goes_on_over_the_seam_of_its_loop(tmp_path: Path, vtest_h264: Path) -> None:
    stream = vtest_h264.read_bytes()
    third_key = -1
    for _ in range(3):
        third_key = stream.index(b"\x00\x00\x01\x67", third_key + 1)
    short = tmp_path / "short.h264"
    short.write_bytes(stream[:third_key])
    with peer_or_skip():
        camera = RtspCamera(tmp_path, {"gate/main": (short, 25), "gate/sub": (short, 25)})
    with camera:
        pts = read_pictures(camera.url("gate/main"), 70)
        assert pts == sorted(set(pts))
        assert len(read_pictures(camera.url("gate/sub"), 1)) == 1


def test_the_camera_wants_its_login(tmp_path: Path, vtest_h264: Path) -> None:
    with peer_or_skip():
        camera = RtspCamera(tmp_path, {"vtest": (vtest_h264, FPS)}, login=("viewer", "s3cret"))
    with camera:
        assert len(read_pictures(camera.url("vtest"), 1)) == 1
        camera.login = ("viewer", "wrong")
        with pytest.raises(av.HTTPUnauthorizedError):
            read_pictures(camera.url("vtest"), 1)


def test_a_camera_without_pictures_says_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty.h264"
    empty.write_bytes(b"no video")
    with peer_or_skip():
        camera = RtspCamera(tmp_path, {"vtest": (empty, FPS)})
    with pytest.raises(RuntimeError, match="holds no H.264 picture"):
        camera.start()


async def test_the_browser_shows_a_page_with_chinese_letters(browser: "Browser") -> None:
    page = await browser.new_page()
    await page.set_content("<title>天睿</title><p id=p>网格</p>")
    assert await page.title() == "天睿"
    assert await page.inner_text("#p") == "网格"
    assert (await page.screenshot()).startswith(b"\x89PNG")
