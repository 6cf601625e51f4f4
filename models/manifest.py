"""The types of manifest.json: what each model is, proven by hashes, and under which licence it may be used."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MANIFEST = Path(__file__).with_name("manifest.json")

Size = Annotated[int, Field(ge=1)]


class ManifestModel(BaseModel):
    """Base of every value of the manifest: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFile(ManifestModel):
    """One file of a model: its path below the folder of weights, its SHA-256 in hex and its size in bytes."""

    path: Annotated[str, Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)*$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Size


class ModelInput(ManifestModel):
    """The input tensor, 1x3xSxS float32: its side S in pixels, the order of its colours, the value of white."""

    side: Size
    colours: Literal["rgb", "bgr"]
    white: Literal[1, 255]


class Measurement(ManifestModel):
    """A figure that was measured: on what, and by whom."""

    what: str
    value: float
    unit: str
    on: str
    origin: str


class ModelEntry(ManifestModel):
    """One model: `format` chooses the backend, `head` the decoding of its output, `files[0]` is what is opened."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62})$")]
    summary: str
    format: Literal["openvino", "onnx", "ultralytics"]
    head: Literal["yolo11", "yolox"]
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]
    licence: str
    origin: str
    input: ModelInput
    output_shape: tuple[Size, Size, Size]
    label_set: str
    measured: tuple[Measurement, ...] = ()


class Manifest(ManifestModel):
    """Every model that is known, and the names of the classes that they tell apart."""

    label_sets: dict[str, tuple[str, ...]]
    models: Annotated[tuple[ModelEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> "Manifest":
        names = [entry.name for entry in self.models]
        if len(set(names)) < len(names):
            raise ValueError("model names must be unique")
        for entry in self.models:
            if entry.label_set not in self.label_sets:
                raise ValueError(f"model {entry.name!r}: label set {entry.label_set!r} is not in the manifest")
        return self


@cache
def load_manifest(path: Path = MANIFEST) -> Manifest:
    """Read the manifest; raises ValidationError when it does not follow these types."""
    return Manifest.model_validate_json(path.read_bytes())
