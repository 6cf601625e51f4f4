"""Reading camera configurations from YAML files, with errors that name file, field and value."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from camera_configs.camera import CameraSpec
from camera_configs.errors import ConfigError

REMEDIES = {
    "extra_forbidden": "no field has this name here; correct its spelling or remove it",
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a block of 'field: value' lines",
    "tuple_type": "must be a list",
    "union_tag_not_found": "has no 'kind'; add it",
}


class _DoubleKeyError(yaml.MarkedYAMLError):
    """A key that is written twice in one block."""


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice, of which the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise _DoubleKeyError(problem=f"{key.value} is there twice; remove one", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _place(error: Exception) -> str:
    """Line and problem without the words that YAML quotes: an unquoted password can be among them."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ": a value in it cannot be read; put passwords, dates and long numbers in quotes"
    problem = re.split(r"'[^']{2}", error.problem or "", maxsplit=1)[0].strip()
    return f", line {error.problem_mark.line + 1}: {problem}"


def load_camera(path: Path) -> CameraSpec:
    """Read one camera from a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, not YAML, or not a valid camera.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path}: is not UTF-8 text"
        raise ConfigError(msg) from None
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path}: is not YAML{_place(error)}"
        raise ConfigError(msg) from None
    try:
        return CameraSpec.model_validate(document)
    except ValidationError as error:
        raise ConfigError(explain(error, path)) from None


def load_cameras(folder: Path) -> tuple[CameraSpec, ...]:
    """Read every `*.yaml` of a folder, in order of name.

    Raises:
        ConfigError: the folder holds none, one is not valid, or two cameras have the same id.
    """
    cameras = tuple(load_camera(path) for path in sorted(folder.glob("*.yaml")))
    if not cameras:
        msg = f"{folder}: no *.yaml in it; write one camera a file (see camera_configs/examples)"
        raise ConfigError(msg)
    ids = [camera.id for camera in cameras]
    double = sorted({i for i in ids if ids.count(i) > 1})
    if double:
        msg = f"{folder}: camera ids must be unique, double: {', '.join(double)}"
        raise ConfigError(msg)
    return cameras


def explain(error: ValidationError, path: Path) -> str:
    """One line a problem: file, field, what is wrong; values of secret fields are never shown."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"]) or "document"
        said = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {where}: {REMEDIES.get(problem['type'], said)}")
    return "\n".join(lines)
