"""The schemas and the AsyncAPI document in the repository are those of the types."""

import json
from pathlib import Path
from typing import Any

import pytest

import camera_configs.generate
import mqtt.generate
from mqtt.topic import HUB_STATE, Channel
from tests.lab.peers import ROOT

ASYNCAPI = json.loads((ROOT / "mqtt" / "asyncapi.json").read_text(encoding="utf-8"))


def test_the_files_of_the_wire_are_up_to_date() -> None:
    assert mqtt.generate.drifted(ROOT / "mqtt") == []
    assert mqtt.generate.main(["--check"]) == 0


def test_the_schema_of_a_camera_is_up_to_date() -> None:
    assert camera_configs.generate.main(["--check"]) == 0


def test_drift_is_named_with_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mqtt.generate.main([], tmp_path) == 0
    (tmp_path / "schemas" / "ack.json").write_text("{}", encoding="utf-8")
    (tmp_path / "schemas" / "birth.json").unlink()
    (tmp_path / "schemas" / "old.json").write_text("{}", encoding="utf-8")
    assert mqtt.generate.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    for line in ("schemas/ack.json: differs", "schemas/birth.json: is missing", "schemas/old.json: belongs to no"):
        assert line in said
    assert said.count("run `python -m mqtt.generate`") == 3
    assert mqtt.generate.main([], tmp_path) == 0
    assert mqtt.generate.main(["--check"], tmp_path) == 0


def test_drift_of_the_camera_schema_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "schema.json"
    assert camera_configs.generate.main(["--check"], file) == 1
    assert "python -m camera_configs.generate" in capsys.readouterr().err
    assert camera_configs.generate.main([], file) == 0
    assert camera_configs.generate.main(["--check"], file) == 0


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in ([inner] if key == "$ref" else references(inner))]
    return [text for inner in value for text in references(inner)] if isinstance(value, list) else []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    found = references(ASYNCAPI)
    assert len(found) > 30
    for reference in found:
        if reference.startswith("./"):
            assert (ROOT / "mqtt" / reference).is_file(), reference
            continue
        node = ASYNCAPI
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


def test_the_asyncapi_document_has_every_channel_both_ways() -> None:
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {f"tr/v1/{{edge_id}}/{channel}" for channel in Channel} | {HUB_STATE}
    operations = ASYNCAPI["operations"].values()
    assert {operation["channel"]["$ref"] for operation in operations} == {
        f"#/channels/{n}" for n in ASYNCAPI["channels"]
    }
    sent = {operation["channel"]["$ref"] for operation in operations if operation["action"] == "send"}
    assert sent == {"#/channels/ack", "#/channels/desired", "#/channels/command", "#/channels/hub-state"}
