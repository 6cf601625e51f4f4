"""The examples load, show no password, and the demo's zones stand where the demo's video needs them."""

from pathlib import Path

import pytest

from camera_configs.camera import CameraSpec
from camera_configs.load import load_camera, load_cameras
from camera_configs.rules import CrowdingRule, ParkingRule
from camera_configs.source import FileSource, RtspSource
from tests.lab.peers import ROOT

FOLDER = ROOT / "camera_configs" / "examples"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads_and_round_trips(path: Path) -> None:
    camera = load_camera(path)
    document = camera.model_dump(mode="json")
    if camera.source.kind == "rtsp":
        assert "change-me" not in camera.model_dump_json() + repr(camera) + str(camera)
        document["source"]["password"] = "change-me"
    assert CameraSpec.model_validate(document) == camera


def test_the_examples_load_together() -> None:
    assert [camera.id for camera in load_cameras(FOLDER)] == ["square-east", "xidan-north-07", "vtest"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_views_of_an_example_cover_the_picture(path: Path) -> None:
    assert load_camera(path).unseen() == ()


def test_the_demo_has_the_zones_of_its_video() -> None:
    camera = load_camera(FOLDER / "vtest.yaml")
    rules = {rule.kind: rule for zone in camera.zones for rule in zone.rules}
    assert isinstance(camera.source, FileSource)
    assert set(rules) == {"illegal_parking", "crowding", "litter"}
    assert isinstance(rules["illegal_parking"], ParkingRule)
    assert rules["illegal_parking"].dwell_s == 20
    assert isinstance(rules["crowding"], CrowdingRule)
    assert rules["crowding"].levels == (5, 8, 12, 16)
    assert camera.grid_code == "110102009012004"


def test_a_sub_stream_is_a_source_of_its_own_with_the_same_login_and_shows_no_path() -> None:
    source = load_camera(FOLDER / "street.yaml").source
    assert isinstance(source, RtspSource)
    assert source.sub is not None
    assert (source.sub.url, source.sub.sub) == ("rtsp://192.0.2.17:554/Streaming/Channels/102", None)
    assert (source.sub.username, source.sub.password) == (source.username, source.password)
    assert "Channels" not in repr(source) + source.sub.shown
