"""Reading camera configurations from YAML files, with errors that name file, field and value."""

from pathlib import Path

from pydantic import ValidationError

from camera_configs.camera import CameraSpec
from camera_configs.document import explain, read_document
from camera_configs.errors import ConfigError

# As many as one birth or health message of a box can name; a test compares the two.
MAX_CAMERAS = 64


def load_camera(path: Path) -> CameraSpec:
    """Read one camera from a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, not YAML, or not a valid camera.
    """
    document = read_document(path)
    try:
        return CameraSpec.model_validate(document)
    except ValidationError as error:
        msg = explain(error, path)
    raise ConfigError(msg)


def load_cameras(folder: Path) -> tuple[CameraSpec, ...]:
    """Read every `*.yaml` of a folder, in order of name.

    Raises:
        ConfigError: the folder holds none or more than 64, one is not valid, or two cameras have the same id.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        msg = f"{folder}: no *.yaml in it; write one camera a file (see camera_configs/examples)"
        raise ConfigError(msg)
    if len(paths) > MAX_CAMERAS:
        msg = (
            f"{folder}: holds {len(paths)} cameras, a box takes at most {MAX_CAMERAS}; "
            f"give the others to another box, from {paths[MAX_CAMERAS].name} on"
        )
        raise ConfigError(msg)
    cameras = tuple(load_camera(path) for path in paths)
    ids = [camera.id for camera in cameras]
    double = sorted({i for i in ids if ids.count(i) > 1})
    if double:
        msg = f"{folder}: camera ids must be unique, double: {', '.join(double)}"
        raise ConfigError(msg)
    return cameras
