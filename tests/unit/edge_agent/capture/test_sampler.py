"""Which frames of a stream are handed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.capture.sampler import Sampler


def picked(fps: float, times: list[float]) -> list[int]:
    sampler = Sampler(fps)
    return [i for i, t in enumerate(times) if sampler.wants(t)]


@pytest.mark.parametrize(("stream", "fps", "step"), [(25, 5, 5), (10, 2, 5), (10, 10, 1), (30, 30, 1), (10, 30, 1)])
def test_the_rate_is_kept_evenly(stream: int, fps: float, step: int) -> None:
    times = [77.0 + i / stream for i in range(300)]
    assert picked(fps, times) == list(range(0, 300, step))


def test_after_a_gap_no_burst_follows() -> None:
    assert picked(1.0, [0.0, 0.5, 10.0, 10.1, 10.9, 11.0]) == [0, 2, 5]


def test_a_time_that_goes_back_starts_anew() -> None:
    assert picked(1.0, [1000.0, 1000.5, 3.0, 3.5, 4.0]) == [0, 2, 4]


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted), st.floats(0.1, 30))
def test_never_more_than_the_rate(times: list[float], fps: float) -> None:
    count = len(picked(fps, times))
    assert 1 <= count <= (times[-1] - times[0]) * fps + 2
