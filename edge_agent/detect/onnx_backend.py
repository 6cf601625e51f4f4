"""Runs a model with ONNX Runtime, on the CPU or on another of its execution providers."""

from typing import cast

from edge_agent.detect.decode import Tensor
from edge_agent.detect.options import InferenceOptions
from edge_agent.errors import BackendError
from models.registry import FoundModel

try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as ort
except ImportError as error:
    raise BackendError(f"ONNX Runtime cannot be imported ({error}); install 'tianrui[edge]'") from None

ERRORS_ONLY = 3
# ONNX Runtime's errors have no base of their own below Exception.
FAILURES = (
    RuntimeError,
    ort.Fail,
    ort.InvalidArgument,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.NoModel,
    ort.NoSuchFile,
    ort.NotImplemented,
    ort.RuntimeException,
)


# The CPU stands behind every other provider: what a graph asks for and the device lacks runs there.
PROVIDERS = {
    "CPU": ["CPUExecutionProvider"],
    "CUDA": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "TENSORRT": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}


class OnnxRuntime:
    """A session for the square input of its export; its threads work within an operator, none between operators."""

    def __init__(self, model: FoundModel, size: tuple[int, int], options: InferenceOptions) -> None:
        self._name = model.entry.name
        side = model.entry.input.side
        if size != (side, side):
            raise BackendError(f"model {self._name!r} was exported to ONNX for {side}x{side} only")
        self._session = self._open(model, options)
        first = self._session.get_inputs()[0]
        if first.shape != [1, 3, side, side]:
            raise BackendError(f"model {self._name!r}: its input is {first.shape}, the manifest says side {side}")
        self._input = first.name

    def _open(self, model: FoundModel, wanted: InferenceOptions) -> "onnxruntime.InferenceSession":
        providers = PROVIDERS.get(wanted.device.upper())
        if providers is None or providers[0] not in onnxruntime.get_available_providers():
            usable = [name for name, row in PROVIDERS.items() if row[0] in onnxruntime.get_available_providers()]
            msg = f"model {self._name!r}: ONNX Runtime has no device {wanted.device!r} here; choose {', '.join(usable)}"
            raise BackendError(msg)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = wanted.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        # Waiting threads would spin and take the core from the decoders.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(str(model.paths[0]), options, providers)
        except FAILURES as error:
            raise BackendError(f"model {self._name!r}: ONNX Runtime cannot load it: {_one_line(error)}") from None

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xHxW float32 to the raw output; raises BackendError."""
        try:
            return cast("Tensor", self._session.run(None, {self._input: tensor})[0])
        except FAILURES as error:
            raise BackendError(f"model {self._name!r}: ONNX Runtime failed: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
