"""What a detector is, and the one that runs a model of the manifest on the runtime that its format asks for."""

from typing import Protocol

import numpy as np

from edge_agent.detect.decode import HEADS, Tensor
from edge_agent.detect.letterbox import Letterbox
from edge_agent.detect.nms import suppress
from edge_agent.errors import BackendError
from edge_agent.types import Detections, Image
from models.registry import FoundModel

MIN_SCORE = 0.25
MAX_OVERLAP = 0.65


class Detector(Protocol):
    """Sees things in one picture; serves one thread at a time."""

    def detect(self, image: Image) -> Detections:
        """Return what is seen in (H, W, 3) uint8 BGR, best first; raises BackendError when the model fails."""
        ...


class Runtime(Protocol):
    """A compiled model: it maps one input tensor to one output tensor and raises BackendError when it fails."""

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xSxS float32 to the raw output; the answer may be overwritten by the next call."""
        ...


class ModelDetector:
    """Letterbox, inference, decoding and suppression with one model."""

    def __init__(self, model: FoundModel, runtime: Runtime, min_score: float = MIN_SCORE) -> None:
        entry = model.entry
        self._runtime = runtime
        self._labels = model.labels
        self._min_score = min_score
        self._decode = HEADS[entry.head]
        self._letterbox = Letterbox(entry.input.side, entry.input.colours, entry.input.white)
        self._warm_up(entry.name, entry.output_shape)

    def detect(self, image: Image) -> Detections:
        """Return what is seen in (H, W, 3) uint8 BGR, best first; raises BackendError when the model fails."""
        tensor, placement = self._letterbox.fit(image)
        found = self._decode(self._runtime.infer(tensor), self._min_score)
        kept = suppress(found.boxes, found.scores, found.classes, MAX_OVERLAP)
        boxes = placement.to_picture(found.boxes[kept])
        # A box that lies in the padding is nothing once it is clipped to the picture.
        solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        kept = kept[solid]
        return Detections(boxes[solid], found.scores[kept], found.classes[kept], self._labels)

    def _warm_up(self, name: str, shape: tuple[int, ...]) -> None:
        """Run once on grey: the first inference is the slowest, and a wrong model is better found now."""
        side = self._letterbox.side
        tensor, _ = self._letterbox.fit(np.full((side, side, 3), 127, np.uint8))
        output = self._runtime.infer(tensor)
        if output.shape != shape:
            raise BackendError(f"model {name!r}: its output is {list(output.shape)}, the manifest says {list(shape)}")
        if not np.isfinite(output).all():
            raise BackendError(
                f"model {name!r}: its output holds NaN or infinity; the weights or the runtime are broken"
            )


def load_detector(model: FoundModel, threads: int = 1, min_score: float = MIN_SCORE) -> Detector:
    """Compile a model for the CPU with `threads` threads and run it once.

    Raises:
        BackendError: the runtime is not installed, refuses the model, or the model does not do what the manifest says.
    """
    if model.entry.format == "openvino":
        from edge_agent.detect.openvino_backend import OpenVinoRuntime

        return ModelDetector(model, OpenVinoRuntime(model, threads), min_score)
    from edge_agent.detect.onnx_backend import OnnxRuntime

    return ModelDetector(model, OnnxRuntime(model, threads), min_score)
