"""What a detector is, and the one that runs a model of the manifest on the runtime that its format asks for."""

import logging
from typing import Protocol

import numpy as np

from edge_agent.detect.decode import HEADS, Tensor
from edge_agent.detect.letterbox import Letterbox, inner_size, input_size
from edge_agent.detect.nms import suppress
from edge_agent.detect.options import MIN_SCORE, InferenceOptions
from edge_agent.errors import BackendError
from edge_agent.types import Detections, Image
from models.registry import FoundModel

MAX_OVERLAP = 0.65
# Each shape of the input is a compiled model of its own, about 15 MB of YOLO11n; a box has few shapes of cameras.
MAX_SHAPES = 3

log = logging.getLogger(__name__)


class Detector(Protocol):
    """Sees things in one picture; serves one thread at a time."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that such a picture is resized to: one that has this size already costs nothing."""
        ...

    def detect(self, image: Image) -> Detections:
        """Return what is seen in (H, W, 3) uint8 BGR, best first; raises BackendError when the model fails."""
        ...


class Runtime(Protocol):
    """A compiled model: it maps one input tensor to one output tensor and raises BackendError when it fails."""

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xHxW float32 to the raw output; the answer may be overwritten by the next call."""
        ...


class RuntimeMaker(Protocol):
    """Compiles one model for an input of `size`, width and height."""

    def __call__(self, size: tuple[int, int]) -> Runtime:
        """Raises BackendError when the runtime refuses the model, or a size other than the square."""
        ...


class ModelDetector:
    """Letterbox, inference, decoding and suppression with one model.

    A wide picture is inferred in a wide input where the runtime can: 640x384 instead of 640x640 took 0.61 of the CPU
    time (YOLO11n INT8, OpenVINO, one thread) and sees the same, because the rest of the square is padding: on COCO128
    all 340 things that the square saw with a score of 0.5, and 472 against 474 of 929 true ones.
    """

    def __init__(self, model: FoundModel, make_runtime: RuntimeMaker, min_score: float = MIN_SCORE) -> None:
        self._model = model
        self._make_runtime = make_runtime
        self._min_score = min_score
        self._decode = HEADS[model.entry.head]
        self._side = model.entry.input.side
        self._square = (self._side, self._side)
        self._prepared: dict[tuple[int, int], tuple[Letterbox, Runtime]] = {}
        self._only_square = False
        self._prepare(self._square)

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that such a picture has inside the model's input."""
        return inner_size(self._side, width, height)

    def detect(self, image: Image) -> Detections:
        """Return what is seen in (H, W, 3) uint8 BGR, best first; raises BackendError when the model fails."""
        letterbox, runtime = self._for_picture(*image.shape[:2])
        tensor, placement = letterbox.fit(image)
        found = self._decode(self._finite(runtime.infer(tensor)), self._min_score)
        kept = suppress(found.boxes, found.scores, found.classes, MAX_OVERLAP)
        boxes = placement.to_picture(found.boxes[kept])
        # A box that lies in the padding is nothing once it is clipped to the picture.
        solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        kept = kept[solid]
        return Detections(boxes[solid], found.scores[kept], found.classes[kept], self._model.labels)

    def _for_picture(self, height: int, width: int) -> tuple[Letterbox, Runtime]:
        # A picture without pixels is refused by the letterbox.
        size = input_size(self._side, width, height) if width and height else self._square
        if size not in self._prepared and (self._only_square or len(self._prepared) > MAX_SHAPES):
            size = self._square
        if size not in self._prepared:
            try:
                self._prepare(size)
            except BackendError as error:
                # The square ran when the model was loaded.
                log.warning("%s; every picture is padded to a square", error)
                self._only_square, size = True, self._square
        return self._prepared[size]

    def _prepare(self, size: tuple[int, int]) -> None:
        """Compile for an input and run once on grey: the first run is the slowest, and a wrong model is found now."""
        name, (width, height) = self._model.entry.name, size
        letterbox, runtime = (
            Letterbox(size, self._model.entry.input.colours, self._model.entry.input.white),
            self._make_runtime(size),
        )
        tensor, _ = letterbox.fit(np.full((height, width, 3), 127, np.uint8))
        output = self._finite(runtime.infer(tensor))
        expected = self._expected(width * height)
        if output.shape != expected:
            msg = f"model {name!r}: its output is {list(output.shape)}, the manifest says {list(expected)}"
            raise BackendError(msg)
        self._prepared[size] = letterbox, runtime

    def _expected(self, pixels: int) -> tuple[int, ...]:
        """The output's shape: as many places as the grids have cells, which is in proportion to the pixels."""
        shape = self._model.entry.output_shape
        return shape if pixels == self._side**2 else (*shape[:2], shape[2] * pixels // self._side**2)

    def _finite(self, output: Tensor) -> Tensor:
        # NaN passes through max: a broken model must not look like one that sees nothing.
        if not np.isfinite(output.max(initial=0.0)):
            name = self._model.entry.name
            raise BackendError(
                f"model {name!r}: its output holds NaN or infinity; the weights or the runtime are broken"
            )
        return output


def load_detector(model: FoundModel, options: InferenceOptions | None = None) -> Detector:
    """Compile a model and run it once.

    Raises:
        BackendError: the runtime is not installed, has no such device, refuses the model, or the model does not do
            what the manifest says.
    """
    options = options or InferenceOptions()
    if model.entry.format == "openvino":
        from edge_agent.detect.openvino_backend import OpenVinoRuntime

        return ModelDetector(model, lambda size: OpenVinoRuntime(model, size, options), options.min_score)
    if model.entry.format == "onnx":
        from edge_agent.detect.onnx_backend import OnnxRuntime

        return ModelDetector(model, lambda size: OnnxRuntime(model, size, options), options.min_score)
    from edge_agent.detect.ultralytics_backend import UltralyticsDetector

    return UltralyticsDetector(model, options)
