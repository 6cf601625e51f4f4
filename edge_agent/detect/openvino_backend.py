"""Runs a model with OpenVINO on the CPU."""

import sys
from types import ModuleType
from typing import cast

from edge_agent.detect.decode import Tensor
from edge_agent.errors import BackendError
from models.registry import FoundModel

# Importing openvino reports to its maker's statistics server whenever openvino-telemetry is installed beside it, and it
# always is. A box reports to nobody: with this entry openvino finds no such package and goes without.
sys.modules.setdefault("openvino_telemetry", cast("ModuleType", None))

try:
    import openvino
except ImportError as error:
    raise BackendError(
        f"OpenVINO cannot be imported ({error}); install 'tianrui[edge]' or choose an ONNX model"
    ) from None


class OpenVinoRuntime:
    """A model compiled for latency on `threads` threads."""

    def __init__(self, model: FoundModel, threads: int) -> None:
        self._name = model.entry.name
        side = model.entry.input.side
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
        try:
            compiled = openvino.Core().compile_model(str(model.paths[0]), "CPU", settings)
            shape = tuple(compiled.input(0).shape)
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise BackendError(f"model {self._name!r}: OpenVINO cannot load it: {_first_line(error)}") from None
        if shape != (1, 3, side, side):
            raise BackendError(f"model {self._name!r}: its input is {list(shape)}, the manifest says side {side}")

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xSxS float32 to the raw output, which the next call overwrites; raises BackendError."""
        try:
            outputs = self._request.infer([tensor], share_inputs=True, share_outputs=True)
        except RuntimeError as error:
            raise BackendError(f"model {self._name!r}: OpenVINO failed: {_first_line(error)}") from None
        return cast("Tensor", outputs[0])


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
