"""The real models on real pictures, against a decoding written the long way; and models that are not what they say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.detect.backend import MAX_OVERLAP, ModelDetector, load_detector
from edge_agent.detect.decode import Tensor
from edge_agent.detect.options import InferenceOptions
from edge_agent.errors import BackendError
from edge_agent.types import Detections, PictureBox
from models.manifest import load_manifest
from models.registry import FoundModel, find

YOLO11, YOLOX = "yolo11n-int8", "yolox-nano"
Plain = list[tuple[str, float, tuple[float, ...]]]


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[np.ndarray]:
    with av.open(str(vtest_path)) as container:
        frames = (f for i, f in enumerate(container.decode(video=0)) if i in {0, 150, 400})
        return [frame.to_ndarray(format="bgr24") for frame, _ in zip(frames, range(3), strict=True)]


def plain_input(model: FoundModel, image: np.ndarray, size: tuple[int, int]) -> tuple[Tensor, float, int, int]:
    side, (width, height) = model.entry.input.side, size
    scale = min(side / image.shape[0], side / image.shape[1])
    small = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas = np.full((height, width, 3), 114, np.uint8)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    if model.entry.input.colours == "rgb":
        canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
    tensor = canvas.astype(np.float32) * (model.entry.input.white / 255)
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None]), scale, left, top


def plain_rows(model: FoundModel, output: Tensor) -> Iterator[tuple[float, float, float, float, float, int]]:
    """Give centre x, y, width, height in input pixels, score and class of every place."""
    if model.entry.head == "yolo11":
        for row in output[0].T:
            label = int(row[4:].argmax())
            yield (*map(float, row[:4]), float(row[4 + label]), label)  # type: ignore[misc]
        return
    place = 0
    for stride in (8, 16, 32):
        length = model.entry.input.side // stride
        for y in range(length):
            for x in range(length):
                row = output[0, place]
                label = int(row[5:].argmax())
                size = (float(np.exp(row[2])) * stride, float(np.exp(row[3])) * stride)
                yield ((row[0] + x) * stride, (row[1] + y) * stride, *size, float(row[4] * row[5 + label]), label)
                place += 1


def plain_detect(model: FoundModel, detector: ModelDetector, image: np.ndarray) -> Plain:
    size = (640, 480) if model.entry.format == "openvino" else (416, 416)
    tensor, scale, left, top = plain_input(model, image, size)
    output = detector._prepared[size][1].infer(tensor)
    height, width = image.shape[:2]
    found: list[tuple[str, float, PictureBox]] = []
    for x, y, w, h, score, label in plain_rows(model, output):
        if score >= 0.25:
            corners = (x - w / 2 - left, y - h / 2 - top, x + w / 2 - left, y + h / 2 - top)
            found.append((model.labels[label], score, PictureBox(*(float(c) / scale for c in corners))))
    kept: list[tuple[str, float, PictureBox]] = []
    for thing in sorted(found, key=lambda t: -t[1]):
        if all(thing[0] != other[0] or thing[2].iou(other[2]) <= MAX_OVERLAP for other in kept):
            kept.append(thing)
    size = (width, height, width, height)
    return [
        (name, score, tuple(min(max(v / s, 0), 1) for v, s in zip((b.x1, b.y1, b.x2, b.y2), size, strict=True)))
        for name, score, b in kept
    ]


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [YOLO11, YOLOX])
def test_boxes_agree_with_a_plain_decoding(name: str, weights: Path, pictures: list[np.ndarray]) -> None:
    model = find(name, (weights,))
    detector = load_detector(model)
    assert isinstance(detector, ModelDetector)
    for image in pictures:
        found = detector.detect(image)
        expected = plain_detect(model, detector, image)
        assert [found.labels[c] for c in found.classes] == [name for name, _, _ in expected]
        assert found.scores == pytest.approx(np.array([score for _, score, _ in expected]), abs=0.01)
        assert found.boxes == pytest.approx(np.array([box for _, _, box in expected]), abs=0.002)


@pytest.mark.needs_assets
@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080), (480, 640), (300, 1200)])
def test_an_input_of_the_pictures_own_shape_sees_what_the_square_sees(
    shape: tuple[int, int], weights: Path, pictures: list[np.ndarray]
) -> None:
    model = find(YOLO11, (weights,))
    own, square = load_detector(model), load_detector(model)
    assert isinstance(square, ModelDetector)
    square._only_square = True
    certain = agreed = 0
    for image in pictures:
        filled = np.asarray(cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
        ours, theirs = own.detect(filled), square.detect(filled)
        for box, score, number in zip(theirs.boxes, theirs.scores, theirs.classes, strict=True):
            if score >= 0.5:
                certain += 1
                agreed += seen(ours, theirs.labels[number], PictureBox(*map(float, box)))
    assert certain >= 2
    assert agreed >= 0.9 * certain


def seen(found: Detections, label: str, where: PictureBox) -> bool:
    return any(
        found.labels[c] == label and PictureBox(*map(float, b)).iou(where) > 0.6
        for b, c in zip(found.boxes, found.classes, strict=True)
    )


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [YOLO11, YOLOX])
def test_walkers_and_the_parked_van_are_seen(name: str, weights: Path, pictures: list[np.ndarray]) -> None:
    detector = load_detector(find(name, (weights,)))
    for image in pictures:
        found = detector.detect(image)
        assert found.boxes.dtype == found.scores.dtype == np.float32
        assert found.boxes.min() >= 0
        assert found.boxes.max() <= 1
        assert seen(found, "truck", PictureBox(0.848, 0.076, 0.942, 0.175))
        assert [found.labels[c] for c in found.classes].count("person") >= 3


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [YOLO11, YOLOX])
def test_an_empty_picture_gives_no_boxes(name: str, weights: Path) -> None:
    found = load_detector(find(name, (weights,))).detect(np.zeros((90, 160, 3), np.uint8))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


class Answers:
    """A runtime that gives one answer."""

    def __init__(self, answer: Tensor) -> None:
        self.answer = answer

    def __call__(self, size: tuple[int, int]) -> "Answers":
        return self

    def infer(self, tensor: Tensor) -> Tensor:
        return self.answer


def model_at(name: str, *paths: Path) -> FoundModel:
    manifest = load_manifest()
    entry = next(e for e in manifest.models if e.name == name)
    return FoundModel(entry, manifest.label_sets[entry.label_set], paths)


def test_a_wrong_output_shape_is_refused() -> None:
    with pytest.raises(BackendError, match=r"its output is \[1, 85, 8400\], the manifest says \[1, 84, 8400\]"):
        ModelDetector(model_at(YOLO11), Answers(np.zeros((1, 85, 8400), np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_a_number_is_refused(value: float) -> None:
    answer = np.zeros((1, 84, 8400), np.float32)
    answer[0, 3, 17] = value
    with pytest.raises(BackendError, match="holds NaN or infinity"):
        ModelDetector(model_at(YOLO11), Answers(answer))


def test_a_model_that_breaks_while_it_runs_is_told_from_one_that_sees_nothing() -> None:
    runtime = Answers(np.zeros((1, 84, 8400), np.float32))
    detector = ModelDetector(model_at(YOLO11), runtime)
    assert len(detector.detect(np.zeros((640, 640, 3), np.uint8))) == 0
    runtime.answer = np.full((1, 84, 8400), np.nan, np.float32)
    with pytest.raises(BackendError, match="holds NaN or infinity"):
        detector.detect(np.zeros((640, 640, 3), np.uint8))


def test_where_only_the_square_runs_every_picture_goes_into_it() -> None:
    made = []

    def make(size: tuple[int, int]) -> Answers:
        made.append(size)
        if size != (640, 640):
            raise BackendError("this device wants a square")
        return Answers(np.zeros((1, 84, 8400), np.float32))

    detector = ModelDetector(model_at(YOLO11), make)
    for _ in range(3):
        detector.detect(np.zeros((360, 640, 3), np.uint8))
    assert made == [(640, 640), (640, 384)]


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [YOLO11, YOLOX])
def test_a_device_that_is_not_there_is_named(name: str, weights: Path) -> None:
    with pytest.raises(BackendError, match=f"model '{name}': .*(GPU|CUDA)"):
        load_detector(find(name, (weights,)), InferenceOptions(device="GPU" if name == YOLO11 else "CUDA"))


@pytest.mark.needs_assets
def test_the_boxes_are_those_of_ultralytics(weights: Path, assets: Path) -> None:
    """The references were made with ultralytics 8.4 and the same weights by `models/reference_boxes.py`."""
    detector = load_detector(find(YOLO11, (weights,)))
    assert isinstance(detector, ModelDetector)
    # ultralytics infers an export with a fixed shape on the whole square.
    detector._only_square = True
    references = json.loads(Path(__file__).with_name("ultralytics_boxes.json").read_text(encoding="utf-8"))
    matched = total = 0
    off: list[float] = []
    for name, things in references.items():
        image = cv2.imread(str(assets / "coco128" / "images" / "train2017" / name))
        assert image is not None
        found = detector.detect(np.asarray(image, np.uint8))
        assert abs(int((found.scores >= 0.3).sum()) - len(things)) <= 1
        for label, score, box in things:
            best = max(
                (
                    (PictureBox(*map(float, b)).iou(PictureBox(*box)), abs(float(s) - score))
                    for b, s, c in zip(found.boxes, found.scores, found.classes, strict=True)
                    if found.labels[c] == label
                ),
                default=(0.0, 1.0),
            )
            total += 1
            if best[0] >= 0.9:
                matched += 1
                off.append(best[1])
    assert total >= 50
    assert matched >= 0.97 * total
    assert float(np.mean(off)) < 0.02


@pytest.mark.parametrize(("name", "runtime"), [(YOLO11, "OpenVINO"), (YOLOX, "ONNX Runtime")])
def test_a_file_that_is_no_model_is_refused_in_one_line(name: str, runtime: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_bytes(b"hello")
    with pytest.raises(BackendError, match=f"model '{name}': {runtime} cannot load it.*: .+") as caught:
        load_detector(model_at(name, path))
    assert "\n" not in str(caught.value)


@pytest.mark.needs_assets
@pytest.mark.parametrize("name", [YOLO11, YOLOX])
def test_an_input_other_than_the_manifest_says_is_refused(name: str, weights: Path) -> None:
    model = find(name, (weights,))
    entry = model.entry.model_copy(update={"input": model.entry.input.model_copy(update={"side": 320})})
    with pytest.raises(BackendError, match="the manifest says side 320"):
        load_detector(FoundModel(entry, model.labels, model.paths))


def test_openvino_reports_to_nobody() -> None:
    code = (
        "import sys, edge_agent.detect.openvino_backend\n"
        "from openvino.tools.ovc import telemetry_utils as t\n"
        "print(t.tm.__name__, [m for m in sys.modules if m.startswith('openvino_telemetry.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub []"
