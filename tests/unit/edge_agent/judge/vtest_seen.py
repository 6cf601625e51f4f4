"""What YOLO11n (INT8, OpenVINO) sees in vtest.avi at two frames a second, straight from the runtime."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import openvino

from edge_agent.types import Detections, FrameTime, Image

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SIDE = 640
EVERY = 5
FPS = 10
NAMES = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck", 16: "dog"}
LABELS = tuple(NAMES.get(i, str(i)) for i in range(80))


def frames(video: Path) -> Iterator[tuple[FrameTime, Image]]:
    """Every fifth frame with its time: (576, 768, 3) uint8 BGR."""
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY == 0:
                seconds = number / FPS
                yield FrameTime(START + timedelta(seconds=seconds), seconds, "file"), frame.to_ndarray(format="bgr24")


def detect_all(video: Path, weights: Path) -> list[Detections]:
    """The detections of all `frames`, in order."""
    folder = weights / "yolo11n_int8_openvino_model"
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    model = openvino.Core().compile_model(str(folder / "yolo11n.xml"), "CPU", options)
    return [_detect(model, image) for _, image in frames(video)]


def _detect(model: openvino.CompiledModel, image: Image) -> Detections:
    height, width = image.shape[:2]
    ratio = SIDE / max(height, width)
    padded = np.full((SIDE, SIDE, 3), 114, np.uint8)
    small = cv2.resize(image, (round(width * ratio), round(height * ratio)))
    padded[: small.shape[0], : small.shape[1]] = small
    rows = model((padded[:, :, ::-1].transpose(2, 0, 1)[None] / 255).astype(np.float32))[0][0]
    scores, classes = rows[4:].max(axis=0), rows[4:].argmax(axis=0)
    kept = scores > 0.25
    middles, sizes, scores, classes = rows[:2, kept].T, rows[2:4, kept].T, scores[kept], classes[kept]
    corners = np.hstack([middles - sizes / 2, middles + sizes / 2]) / ratio / (width, height, width, height)
    rectangles = np.hstack([middles - sizes / 2, sizes]).tolist()
    best = np.array(cv2.dnn.NMSBoxesBatched(rectangles, scores.tolist(), classes.tolist(), 0.25, 0.5), np.int64)
    return Detections(
        corners[best].astype(np.float32), scores[best].astype(np.float32), classes[best].astype(np.int32), LABELS
    )
