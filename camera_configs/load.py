"""Reading camera configurations from YAML files, with errors that name file, field and value."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from camera_configs.camera import CameraSpec
from camera_configs.errors import ConfigError


def load_camera(path: Path) -> CameraSpec:
    """Read one camera from a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, not YAML, or not a valid camera.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path}: is not UTF-8 text"
        raise ConfigError(msg) from None
    except yaml.YAMLError as error:
        msg = f"{path}: is not YAML: {str(error).replace(chr(10), ' ')}"
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
        lines.append(f"{path}: {where}: {problem['msg']}")
    return "\n".join(lines)
