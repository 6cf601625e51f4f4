"""Each wrong field gives one line with file, field and what to do, and never a secret."""

import copy
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml
from annotated_types import MaxLen
from pydantic import BaseModel, ValidationError

from camera_configs.camera import CameraSpec
from camera_configs.errors import ConfigError
from camera_configs.load import MAX_CAMERAS, load_camera, load_cameras
from mqtt.states import BirthBody, HealthBody

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
CANARY = "canary-9b1d"


GOOD: dict[str, Any] = {
    "id": "gate",
    "name_zh": "东门",
    "name_en": "East gate",
    "source": {"kind": "rtsp", "url": "rtsp://192.0.2.1/main", "username": "u", "password": CANARY},
    "zones": [
        {
            "id": "z",
            "name_zh": "区",
            "name_en": "Zone",
            "polygon": SQUARE,
            "rules": [
                {"id": "park", "kind": "illegal_parking", "schedule": [{"start": "07:00", "end": "09:00"}]},
                {"id": "crowd", "kind": "crowding"},
                {"id": "litter", "kind": "litter"},
            ],
        }
    ],
    "masks": [{"id": "m", "polygon": SQUARE}],
    "views": [{"id": "whole"}],
    "position": {"lon": 116.3, "lat": 39.9},
}


def good() -> dict[str, Any]:
    return copy.deepcopy(GOOD)


def changed(path: str, value: Any) -> dict[str, Any]:
    document = good()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = document
    for part in parents:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return document


def write(folder: Path, document: Any) -> Path:
    path = folder / "gate.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert load_camera(write(tmp_path, good())).id == "gate"


BAD = [
    ("id", "East Gate", "id: String should match pattern"),
    ("id", 7, "id: must be text; put it in quotes"),
    ("id", ..., "id: is missing; add it"),
    ("name_zh", "", "name_zh: String should have at least 1 character"),
    ("fps", 2, "fps: no field has this name here; correct its spelling or remove it"),
    ("role", "fisheye", "role: Input should be 'planar'"),
    ("version", 0, "version: Input should be greater than or equal to 1"),
    ("time_zone", "Beijing", "time_zone: 'Beijing' is not an IANA time zone such as Asia/Shanghai"),
    ("grid_code", 110102009012004, "grid_code: must be text; put it in quotes"),
    ("grid_code", "1101", "grid_code: String should match pattern"),
    ("source", {}, "source: has no 'kind'; add it"),
    ("source.kind", "exec", "source: Input tag 'exec' found using 'kind' does not match any of the expected tags"),
    ("source.url", "http://192.0.2.1/", "source.rtsp.url: scheme 'http' is not rtsp or rtsps"),
    ("source.url", "exec:/bin/sh", "source.rtsp.url: scheme 'exec' is not rtsp or rtsps"),
    ("source.url", f"rtsp://u:{CANARY}@192.0.2.1/", "put them into 'username' and 'password'"),
    ("source.sub_url", f"rtsp://u:{CANARY}@192.0.2.1/", "put them into 'username' and 'password'"),
    ("source.url", f"rtsp://u:{CANARY}\uff20192.0.2.1/", "the address cannot be read"),
    ("source.url", f"rtsp://[{CANARY}", "the address cannot be read"),
    ("source.url", "rtsp://192.0.2.1:99999/", "source.rtsp.url: the port is not a number from 1 to 65535"),
    ("source.url", "rtsp:///main", "source.rtsp.url: the address has no host"),
    ("source.password", ..., "give both 'username' and 'password', or neither"),
    ("source.password", 12345678, "source.rtsp.password: must be text; put it in quotes"),
    ("decode", {"mode": "fast"}, "decode.mode: Input should be 'auto', 'keyframes' or 'full'"),
    ("decode", {"fps": 0}, "decode.fps: Input should be greater than 0"),
    ("decode", "full", "decode: must be a block of 'field: value' lines"),
    ("source.url", f"rtsp://192.0.2.1;{CANARY}/", "source.rtsp.url: the host is neither a name of"),
    ("views.0.bottom_right", [0.8, 1.0], "zone 'z': 0.08 of the picture is in it but in no view; enlarge a view"),
    ("views", [{"id": "a", "bottom_right": [0.4, 1.0]}, {"id": "b", "top_left": [0.6, 0.0]}], "zone 'z': 0.16 of the"),
    ("views.0.top_left", [1.0, 0.0], "views.0: view 'whole': bottom_right must be right of and below top_left"),
    ("views", [], "views: Tuple should have at least 1 item"),
    ("views", [{"id": "a"}, {"id": "a"}], "view ids must be unique within a camera, double: a"),
    ("zones.0.polygon", SQUARE[:2], "zones.0.polygon: Tuple should have at least 3 items"),
    ("zones.0.polygon", [[0, 0], [1, 1], [1, 0], [0, 1]], "is not a simple polygon"),
    ("zones.0.polygon", [[0, 0], [0.001, 0], [0.001, 0.001]], "zones.0.polygon: the area is"),
    ("zones.0.polygon.0", [0.1, 1.2], "zones.0.polygon.0.1: Input should be less than or equal to 1"),
    ("zones.0.polygon.0", [float("nan"), 0.5], "zones.0.polygon.0.0: Input should be"),
    ("zones.0.polygon", 5, "zones.0.polygon: must be a list"),
    ("zones.0.rules", [], "zones.0.rules: Tuple should have at least 1 item"),
    ("zones.0.rules.1.id", "park", "rule ids must be unique within a camera, double: park"),
    ("zones.0.rules.0.kind", "speeding", "Input tag 'speeding' found using 'kind'"),
    ("zones.0.rules.0.dwell_s", -5, "zones.0.rules.0.illegal_parking.dwell_s: Input should be greater than 0"),
    ("zones.0.rules.0.vehicles", ["tank"], "vehicles.0: Input should be 'car', 'truck', 'bus' or 'motorcycle'"),
    ("zones.0.rules.0.min_score", 1.5, "min_score: Input should be less than or equal to 1"),
    ("zones.0.rules.0.schedule.0.start", 1110, "start: is a number, as YAML reads 18:30; put the time in quotes"),
    ("zones.0.rules.0.schedule.0.start", "25:00", "schedule.0.start: Input should be in a valid time format"),
    ("zones.0.rules.0.schedule.0.end", "09:00+08:00", "schedule.0.end: has a time zone; leave it out"),
    ("zones.0.rules.0.schedule.0.days", ["monday"], "schedule.0.days.0: Input should be 'mon', 'tue'"),
    ("zones.0.rules.2.min_score", 0.5, "litter.min_score: no field has this name here"),
    ("zones.0.rules.1.levels", [5, 5], "levels must rise strictly, got [5, 5]"),
    ("zones.0.rules.1.margin", 1.0, "margin: Input should be less than 1"),
    ("zones.0.rules.2.min_area", 0.5, "min_area 0.5 must be under max_area 0.05"),
    ("masks.0.polygon", SQUARE[:1], "masks.0.polygon: Tuple should have at least 3 items"),
    ("position.lat", 116.3, "position.lat: Input should be less than or equal to 90"),
    ("position.lat", ..., "position.lat: is missing; add it"),
]


@pytest.mark.parametrize(("field", "value", "said"), BAD, ids=[f"{field}-{n}" for n, (field, _, _) in enumerate(BAD)])
def test_a_wrong_field_is_named(tmp_path: Path, field: str, value: Any, said: str) -> None:
    path = write(tmp_path, changed(field, value))
    with pytest.raises(ConfigError) as error:
        load_camera(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert said in text
    assert CANARY not in text
    assert "12345678" not in text


def test_several_wrong_fields_are_all_named(tmp_path: Path) -> None:
    document = good() | {"id": "A", "version": 0}
    with pytest.raises(ConfigError) as error:
        load_camera(write(tmp_path, document))
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "document: must be a block of 'field: value' lines"),
        ("- a\n", "document: must be a block of 'field: value' lines"),
        (f'id: a\npassword: "{CANARY}\n', "is not YAML, line 3"),
        (f"id: a\npassword: *{CANARY}\n", "is not YAML, line 2: found undefined alias"),
        (f"id: a\npassword: !{CANARY} x\n", "is not YAML, line 2: could not determine a constructor for the tag"),
        (f"id: a\npassword: !{CANARY}!x y\n", "is not YAML, line 2"),
        (f"id: a\npassword: %{CANARY}\n", "is not YAML, line 2"),
        (f"id: [a\npassword: {CANARY}\n", "is not YAML, line 2"),
        ("id: a\nzones: []\nzones: []\n", "is not YAML, line 3: zones is there twice; remove one"),
        ("id: a\n1: b\n", "line 2: a name here is a number, a date, yes, no or nothing; write 'name: value'"),
        (f"{{password:{CANARY}}}\n", "password: no field has this name here"),
        ("id: 2026-13-45\n", "put passwords, dates and long numbers in quotes"),
        ("id: !!bool maybe\n", "put passwords, dates and long numbers in quotes"),
        ("? [a]\n: b\n", "is not YAML, line 1"),
        ("[" * 5000, "is not YAML"),
        ("id: \x07\n", "is not YAML"),
    ],
)
def test_a_file_that_is_no_configuration_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_camera(path)
    assert said in str(error.value)
    assert CANARY not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_bytes(b"id: \xff\xfe")
    with pytest.raises(ConfigError, match=r"gate\.yaml: is not UTF-8 text"):
        load_camera(tmp_path / "gate.yaml")
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load_camera(tmp_path / "none.yaml")


def test_folders_without_cameras_or_with_double_ids_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \*\.yaml in it"):
        load_cameras(tmp_path)
    write(tmp_path, good()).rename(tmp_path / "one.yaml")
    write(tmp_path, good())
    with pytest.raises(ConfigError, match="camera ids must be unique, double: gate"):
        load_cameras(tmp_path)


def test_more_cameras_than_a_box_can_name_are_refused(tmp_path: Path) -> None:
    for number in range(MAX_CAMERAS):
        document = {"id": f"c{number:03}", "name_zh": "机", "name_en": "C", "source": {"kind": "file", "path": "a.avi"}}
        write(tmp_path, document).rename(tmp_path / f"c{number:03}.yaml")
    assert len(load_cameras(tmp_path)) == MAX_CAMERAS
    write(tmp_path, good()).rename(tmp_path / "more.yaml")
    with pytest.raises(ConfigError) as error:
        load_cameras(tmp_path)
    said = f"{tmp_path}: holds 65 cameras, a box takes at most 64; give the others to another box, from more.yaml on"
    assert str(error.value) == said


@pytest.mark.parametrize("body", [BirthBody, HealthBody])
def test_a_box_takes_as_many_cameras_as_its_messages_can_name(body: type[BaseModel]) -> None:
    limits = [limit.max_length for limit in body.model_fields["cameras"].metadata if isinstance(limit, MaxLen)]
    assert limits == [MAX_CAMERAS]


def test_the_error_of_a_file_carries_nothing_along(tmp_path: Path) -> None:
    for document in (changed("source.url", f"rtsp://u:{CANARY}@192.0.2.1/"), f"a: *{CANARY}"):
        with pytest.raises(ConfigError) as error:
            load_camera(write(tmp_path, document))
        assert error.value.__context__ is None
        assert CANARY not in "".join(traceback.format_exception(error.value))


def test_the_error_of_the_types_themselves_shows_no_input() -> None:
    with pytest.raises(ValidationError) as error:
        CameraSpec.model_validate(changed("source.url", f"rtsp://u:{CANARY}@192.0.2.1/"))
    assert CANARY not in str(error.value) + repr(error.value)
