"""Weights are found in order, and only when they are the right ones."""

import hashlib
import re
from pathlib import Path

import pytest

from models.errors import ModelError
from models.manifest import Manifest, load_manifest
from models.registry import find, search_path

CONTENT = {"net/a.xml": b"<net/>", "net/a.bin": b"\x00\x01"}


def small_manifest() -> Manifest:
    entry = load_manifest().models[0].model_dump()
    entry["name"] = "small"
    entry["files"] = [
        {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in CONTENT.items()
    ]
    return Manifest.model_validate({"label_sets": load_manifest().label_sets, "models": [entry]})


def fill(folder: Path, *, without: str = "") -> Path:
    for path, data in CONTENT.items():
        if path != without:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return folder


def test_the_first_folder_that_holds_all_files_wins(tmp_path: Path) -> None:
    half, first, second = fill(tmp_path / "half", without="net/a.bin"), fill(tmp_path / "1"), fill(tmp_path / "2")
    found = find("small", (tmp_path / "none", half, first, second), small_manifest())
    assert found.paths == (first / "net/a.xml", first / "net/a.bin")
    assert found.labels[:3] == ("person", "bicycle", "car")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match="'yolo99' is not in the manifest; choose one of: yolo11n-int8, yolox-nano"):
        find("yolo99", ())


def test_missing_files_name_file_folders_and_remedy_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find("yolo11n-int8", (tmp_path, tmp_path / "b"))
    text = str(caught.value)
    assert re.fullmatch(
        rf"model 'yolo11n-int8': yolo11n_int8_openvino_model/yolo11n\.xml was not found in {tmp_path}, {tmp_path}/b; "
        r"set TIANRUI_MODELS to the folder that holds it \(see models/README\.md\)",
        text,
    )


def test_a_half_copied_model_names_the_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"net/a\.bin was not found in"):
        find("small", (fill(tmp_path, without="net/a.bin"), tmp_path / "none"), small_manifest())


def test_a_wrong_hash_is_refused_even_when_a_later_folder_is_right(tmp_path: Path) -> None:
    bad, good = fill(tmp_path / "bad"), fill(tmp_path / "good")
    (bad / "net/a.bin").write_bytes(b"\x00\x02")
    with pytest.raises(ModelError, match=rf"{bad}/net/a\.bin is damaged or another file \(sha256 "):
        find("small", (bad, good), small_manifest())


def test_in_a_checkout_the_shared_weights_come_last(tmp_path: Path) -> None:
    package = tmp_path / "repo" / "models"
    package.mkdir(parents=True)
    own = tmp_path / "own"
    assert search_path((own,), package) == (package / "weights", own)
    (tmp_path / "repo" / "pyproject.toml").touch()
    assert search_path((own,), package) == (package / "weights", own, tmp_path / "shared" / "assets" / "weights")


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [entry.name for entry in load_manifest().models])
def test_the_development_weights_are_those_of_the_manifest(name: str, weights: Path) -> None:
    found = find(name, (weights,))
    assert [path.stat().st_size for path in found.paths] == [file.size for file in found.entry.files]
