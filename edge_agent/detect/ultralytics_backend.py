"""Runs whatever ultralytics can run (`.pt`, `.engine`, `.rknn`), on a box that has it installed.

A `.pt` file is a pickle and runs code when it is opened: the manifest's SHA-256 is what makes it trustworthy.
"""

from typing import Any

import numpy as np

from edge_agent.detect.letterbox import inner_size
from edge_agent.detect.options import InferenceOptions
from edge_agent.errors import BackendError
from edge_agent.types import Detections, Image
from models.registry import FoundModel

try:
    from ultralytics import YOLO
except ImportError as error:
    raise BackendError(
        f"ultralytics cannot be imported ({error}); install 'tianrui[train]', or choose an OpenVINO or ONNX model"
    ) from None


class UltralyticsDetector:
    """A model behind ultralytics' own preprocessing and suppression."""

    def __init__(self, model: FoundModel, options: InferenceOptions) -> None:
        self._name = model.entry.name
        self._labels = model.labels
        self._side = model.entry.input.side
        self._settings: dict[str, Any] = {
            "imgsz": self._side,
            "conf": options.min_score,
            "device": options.device.lower(),
            "verbose": False,
        }
        self._model = self._open(model)
        self.detect(np.full((self._side, self._side, 3), 127, np.uint8))

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that ultralytics resizes such a picture to."""
        return inner_size(self._side, width, height)

    def detect(self, image: Image) -> Detections:
        """Return what is seen in (H, W, 3) uint8 BGR, best first; raises BackendError when the model fails."""
        try:
            found = self._model.predict(image, **self._settings)[0].boxes.cpu().numpy()
        except (RuntimeError, ValueError, AssertionError) as error:
            raise BackendError(f"model {self._name!r}: ultralytics failed: {_one_line(error)}") from None
        if not np.isfinite(found.data).all():
            raise BackendError(f"model {self._name!r}: its output holds NaN or infinity")
        boxes = np.clip(found.xyxyn, 0.0, 1.0).astype(np.float32)
        return Detections(boxes, found.conf.astype(np.float32), found.cls.astype(np.int32), self._labels)

    def _open(self, model: FoundModel) -> Any:  # noqa: ANN401  ultralytics has no types
        try:
            opened = YOLO(model.paths[0], task="detect")
            names = tuple(opened.names.values())
        except (OSError, RuntimeError, ValueError, AssertionError, ImportError) as error:
            raise BackendError(f"model {self._name!r}: ultralytics cannot load it: {_one_line(error)}") from None
        if len(names) != len(self._labels):
            msg = f"model {self._name!r}: it tells {len(names)} classes apart, the manifest {len(self._labels)}"
            raise BackendError(msg)
        return opened


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
