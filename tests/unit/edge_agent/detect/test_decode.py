"""Raw output of the two heads into candidates."""

import numpy as np
import pytest

from edge_agent.detect.decode import MAX_CANDIDATES, decode_yolo11, decode_yolox


def yolo11(places: dict[int, tuple[list[float], int, float]]) -> np.ndarray:
    output = np.zeros((1, 84, 8400), np.float32)
    for place, (box, label, score) in places.items():
        output[0, :4, place] = box
        output[0, 4 + label, place] = score
    return output


def test_yolo11_reads_centre_and_size() -> None:
    found = decode_yolo11(yolo11({5: ([100, 200, 40, 60], 2, 0.9), 8399: ([10, 10, 20, 20], 0, 0.3)}), 0.25)
    assert found.boxes == pytest.approx(np.array([[80, 170, 120, 230], [0, 0, 20, 20]]))
    assert found.scores == pytest.approx(np.array([0.9, 0.3]))
    assert found.classes.tolist() == [2, 0]
    assert found.classes.dtype == np.int32


def test_the_threshold_counts_and_nothing_is_nothing() -> None:
    output = yolo11({5: ([100, 200, 40, 60], 2, 0.25), 6: ([100, 200, 40, 60], 2, 0.2499)})
    assert len(decode_yolo11(output, 0.25).scores) == 1
    none = decode_yolo11(np.zeros((1, 84, 8400), np.float32), 0.25)
    assert none.boxes.shape == (0, 4)


def test_a_frame_full_of_noise_is_bounded_to_the_strongest() -> None:
    output = np.zeros((1, 84, 8400), np.float32)
    output[0, 4] = np.linspace(0.3, 0.9, 8400)
    found = decode_yolo11(output, 0.25)
    assert len(found.scores) == MAX_CANDIDATES
    assert found.scores.min() > 0.85


@pytest.mark.parametrize(
    ("place", "column", "row", "stride"),
    [(0, 0, 0, 8), (53, 1, 1, 8), (52 * 52, 0, 0, 16), (52 * 52 + 26 * 2 + 3, 3, 2, 16), (3548, 12, 12, 32)],
)
def test_yolox_reads_cells_of_three_strides(place: int, column: int, row: int, stride: int) -> None:
    output = np.zeros((1, 3549, 85), np.float32)
    output[0, place, :5] = (0.5, 0.25, np.log(2), np.log(4), 0.8)
    output[0, place, 5 + 7] = 0.5
    found = decode_yolox(output, 0.25)
    centre_x, centre_y = (column + 0.5) * stride, (row + 0.25) * stride
    expected = [centre_x - stride, centre_y - 2 * stride, centre_x + stride, centre_y + 2 * stride]
    assert found.boxes == pytest.approx(np.array([expected]), rel=1e-5)
    assert found.scores == pytest.approx(np.array([0.4]))
    assert found.classes.tolist() == [7]


def test_yolox_needs_object_and_class_together() -> None:
    output = np.zeros((1, 3549, 85), np.float32)
    output[0, 1, 4:7] = (0.9, 0.2, 0.1)
    output[0, 2, 4:7] = (0.2, 0.9, 0.9)
    assert len(decode_yolox(output, 0.25).scores) == 0
