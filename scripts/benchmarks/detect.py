"""Milliseconds a frame for each model on one thread, and the memory that it takes."""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

from edge_agent.detect.backend import load_detector
from edge_agent.types import Image
from models.errors import ModelError
from models.manifest import load_manifest
from models.registry import find, search_path
from scripts.footage import default_video

MB = 1024 * 1024
EVERY = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--source", type=Path, help="a video file (default: the demo's footage)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Detect on frames of real video with every model whose weights are here."""
    named = os.environ.get("TIANRUI_MODELS")
    folders = search_path((Path(named),) if named else ())
    frames = _frames(arguments.source or default_video(say=lambda text: print(text, file=sys.stderr)), arguments.frames)
    height, width = frames[0].shape[:2]
    figures: dict[str, Any] = {"frames": len(frames), "picture": f"{width}x{height}"}
    for entry in load_manifest().models:
        try:
            model = find(entry.name, folders)
        except ModelError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        before = _rss_mb()
        began = time.perf_counter()
        detector = load_detector(model)
        figures[f"{entry.name}: load s"] = round(time.perf_counter() - began, 2)
        spent_ms, seen = [], 0
        for frame in frames:
            began = time.perf_counter()
            seen += len(detector.detect(frame))
            spent_ms.append((time.perf_counter() - began) * 1000)
        figures[f"{entry.name}: detect p50 ms"] = round(statistics.median(spent_ms), 1)
        figures[f"{entry.name}: things a frame"] = round(seen / len(frames), 1)
        figures[f"{entry.name}: memory MB"] = round(_rss_mb() - before, 1)
    return figures


def _frames(path: Path, count: int) -> list[Image]:
    pictures: list[Image] = []
    with av.open(path) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY == 0:
                pictures.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            if len(pictures) == count:
                break
    return pictures


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB
