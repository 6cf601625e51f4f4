"""Writes schema.json, the JSON Schema of a camera, from the types: `python -m camera_configs.generate [--check]`."""

import argparse
import json
import sys
from pathlib import Path

from camera_configs.camera import CameraSpec

FILE = Path(__file__).parent / "schema.json"
COMMAND = "python -m camera_configs.generate"


def schema() -> str:
    """The text of schema.json."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **CameraSpec.model_json_schema()}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str] | None = None, file: Path = FILE) -> int:
    """Write the file, or with `--check` say that it differs and return 1."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the file is not up to date")
    if not parser.parse_args(arguments).check:
        file.write_text(schema(), encoding="utf-8")
        return 0
    if file.is_file() and file.read_text(encoding="utf-8") == schema():
        return 0
    sys.stderr.write(f"camera_configs/{file.name}: differs from the types; run `{COMMAND}` and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
