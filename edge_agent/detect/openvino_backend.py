"""Runs a model with OpenVINO, on the CPU or on another device that OpenVINO knows."""

import sys
from types import ModuleType
from typing import cast

from edge_agent.detect.decode import Tensor
from edge_agent.detect.options import InferenceOptions
from edge_agent.errors import BackendError
from models.registry import FoundModel

# Importing openvino reports to its maker's statistics server whenever openvino-telemetry is installed beside it, and it
# always is. A box reports to nobody: with this entry openvino finds no such package and goes without.
sys.modules.setdefault("openvino_telemetry", cast("ModuleType", None))

try:
    import openvino

    from edge_agent.detect.openvino_shape import reshape
except ImportError as error:
    raise BackendError(
        f"OpenVINO cannot be imported ({error}); install 'tianrui[edge]' or choose an ONNX model"
    ) from None


class OpenVinoRuntime:
    """A model compiled for latency for an input of `size`, width and height.

    Measured with YOLO11n INT8 on two cores: throughput mode with asynchronous requests takes the same CPU time a frame
    (58.6 to 59.5 ms against 58.1), so one request at a time is enough.
    """

    def __init__(self, model: FoundModel, size: tuple[int, int], options: InferenceOptions) -> None:
        self._name = model.entry.name
        side, device = model.entry.input.side, options.device.upper()
        settings: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if device == "CPU":
            settings |= {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1}
        try:
            core = openvino.Core()
            graph = core.read_model(str(model.paths[0]))
            shape = tuple(graph.input(0).shape)
            if shape == (1, 3, side, side) and size != (side, side):
                reshape(graph, self._name, size)
            self._request = core.compile_model(graph, device, settings).create_infer_request()
        except RuntimeError as error:
            text = _first_line(error)
            raise BackendError(f"model {self._name!r}: OpenVINO cannot load it on {device}: {text}") from None
        if shape != (1, 3, side, side):
            raise BackendError(f"model {self._name!r}: its input is {list(shape)}, the manifest says side {side}")

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xHxW float32 to the raw output, which the next call overwrites; raises BackendError."""
        try:
            outputs = self._request.infer([tensor], share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            raise BackendError(f"model {self._name!r}: OpenVINO failed: {_first_line(error)}") from None
        return cast("Tensor", outputs[0])


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
