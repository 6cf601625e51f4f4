"""Where and how a model runs, and what a runtime says when it cannot take another shape."""

from dataclasses import dataclass

from edge_agent.errors import BackendError

MIN_SCORE = 0.25


class RectangleError(BackendError):
    """The model runs on the square input of the manifest alone."""


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """Where a model runs: `threads` of the CPU, and the `device` as the runtime calls it (CPU, GPU, NPU, CUDA ...)."""

    threads: int = 1
    device: str = "CPU"
    min_score: float = MIN_SCORE
