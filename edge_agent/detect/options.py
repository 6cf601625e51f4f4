"""Where and how a model runs."""

from dataclasses import dataclass

MIN_SCORE = 0.25


@dataclass(frozen=True, slots=True)
class InferenceOptions:
    """Where a model runs: `threads` of the CPU, and the `device` as the runtime calls it (CPU, GPU, NPU, CUDA ...)."""

    threads: int = 1
    device: str = "CPU"
    min_score: float = MIN_SCORE
