"""The manifest follows its types, and each model has a card."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.manifest import MANIFEST, Manifest, load_manifest


def test_every_model_has_a_card_that_names_its_licence() -> None:
    for entry in load_manifest().models:
        card = MANIFEST.parent / "cards" / f"{entry.name}.md"
        assert f"Licence: {entry.licence}" in card.read_text(encoding="utf-8")


def test_every_card_has_a_model() -> None:
    cards = {path.stem for path in (MANIFEST.parent / "cards").glob("*.md")}
    assert cards == {entry.name for entry in load_manifest().models}


def test_the_output_has_a_score_for_each_class() -> None:
    manifest = load_manifest()
    for entry in manifest.models:
        others = {"yolo11": 4, "yolox": 5}[entry.head]
        assert len(manifest.label_sets[entry.label_set]) + others in entry.output_shape


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "rgb"},
        {"licence": None},
        {"label_set": "none"},
        {"files": []},
        {"files": [{"path": "../a", "sha256": "0" * 64, "size": 1}]},
        {"files": [{"path": "a", "sha256": "xyz", "size": 1}]},
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(MANIFEST.read_text(encoding="utf-8"))
    document["models"][0] |= change
    with pytest.raises(ValidationError):
        Manifest.model_validate(document)


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    document = json.loads(MANIFEST.read_text(encoding="utf-8"))
    document["models"].append(document["models"][0])
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValidationError, match="must be unique"):
        load_manifest(path)
