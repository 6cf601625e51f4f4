"""Prints what ultralytics sees in pictures, as JSON: the references of the detector's tests.

Runs in an environment of its own that has ultralytics: python -m models.reference_boxes MODEL PICTURE [PICTURE ...]
"""

import json
import sys
from pathlib import Path

from ultralytics import YOLO

MIN_SCORE = 0.3
MAX_OVERLAP = 0.65


def main() -> None:
    """Print label, score and normalised x1 y1 x2 y2 of each thing, by the picture's file name."""
    model = YOLO(sys.argv[1], task="detect")
    seen = {}
    for picture in sys.argv[2:]:
        found = model.predict(picture, imgsz=640, conf=MIN_SCORE, iou=MAX_OVERLAP, verbose=False)[0].boxes.cpu().numpy()
        rows = zip(found.cls, found.conf, found.xyxyn, strict=True)
        seen[Path(picture).name] = [
            [model.names[int(c)], round(float(s), 4), [round(float(v), 5) for v in b]] for c, s, b in rows
        ]
    print(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
