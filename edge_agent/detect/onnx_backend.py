"""Runs a model with ONNX Runtime on the CPU."""

from typing import cast

from edge_agent.detect.decode import Tensor
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


class OnnxRuntime:
    """A session with `threads` threads within an operator and none between operators."""

    def __init__(self, model: FoundModel, threads: int) -> None:
        self._name = model.entry.name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        # Waiting threads would spin and take the core from the decoders.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(model.paths[0]), options, ["CPUExecutionProvider"])
        except FAILURES as error:
            raise BackendError(f"model {self._name!r}: ONNX Runtime cannot load it: {_one_line(error)}") from None
        side, first = model.entry.input.side, self._session.get_inputs()[0]
        if first.shape != [1, 3, side, side]:
            raise BackendError(f"model {self._name!r}: its input is {first.shape}, the manifest says side {side}")
        self._input = first.name

    def infer(self, tensor: Tensor) -> Tensor:
        """Map 1x3xSxS float32 to the raw output; raises BackendError."""
        try:
            return cast("Tensor", self._session.run(None, {self._input: tensor})[0])
        except FAILURES as error:
            raise BackendError(f"model {self._name!r}: ONNX Runtime failed: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
