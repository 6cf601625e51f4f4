"""Detects on parts of a picture that are too small in the whole of it, and puts what was seen together again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from camera_configs.camera import ViewSpec
from edge_agent.detect.backend import MAX_OVERLAP, Detector
from edge_agent.detect.nms import Mask, keep_best, overlap_ratios, shared_areas
from edge_agent.types import Boxes, Detections, Image, Picture

# A box this near to the border of its view, in picture widths or heights, was probably cut by it.
CUT_MARGIN = 0.004
# A cut box is the same thing as another box when this much of it lies inside.
COVERED = 0.6
WHOLE = ((0.0, 0.0), (1.0, 1.0))


def crop(image: Image, view: ViewSpec) -> Image:
    """Return the part of (H, W, 3) that `view` names, without a copy and at least one pixel large."""
    height, width = image.shape[:2]
    left, top = _pixel(view.top_left[0], width - 1), _pixel(view.top_left[1], height - 1)
    right = max(left + 1, _pixel(view.bottom_right[0], width))
    bottom = max(top + 1, _pixel(view.bottom_right[1], height))
    return image[top:bottom, left:right]


def to_picture(boxes: Boxes, view: ViewSpec) -> Boxes:
    """Map (n, 4) x1 y1 x2 y2 from normalised coordinates of the view to those of the whole picture."""
    origin = np.array(view.top_left * 2, np.float32)
    size = np.array(view.bottom_right * 2, np.float32) - origin
    return boxes * size + origin


def detect_views(detector: Detector, picture: Picture, views: Sequence[ViewSpec]) -> Detections:
    """Return what is seen in all views of the picture, in normalised coordinates of the whole picture.

    Where views overlap, a thing seen twice counts once; of a thing that a border cuts, the more complete box is kept.
    Raises BackendError when the model fails.
    """
    if len(views) == 1 and (views[0].top_left, views[0].bottom_right) == WHOLE:
        return detector.detect(picture.bgr(*detector.fit(picture.width, picture.height)))
    image = picture.bgr(picture.width, picture.height)
    seen = [detector.detect(crop(image, view)) for view in views]
    boxes = [to_picture(found.boxes, view) for found, view in zip(seen, views, strict=True)]
    if len(views) == 1:
        return Detections(boxes[0], seen[0].scores, seen[0].classes, seen[0].labels)
    cut = [_cut(b, view) for b, view in zip(boxes, views, strict=True)]
    origin = np.repeat(np.arange(len(views)), [len(found) for found in seen])
    merged = Detections(
        np.concatenate(boxes),
        np.concatenate([found.scores for found in seen]),
        np.concatenate([found.classes for found in seen]),
        seen[0].labels,
    )
    kept = _merge(merged, np.concatenate(cut), origin[:, None] != origin[None, :])
    return Detections(merged.boxes[kept], merged.scores[kept], merged.classes[kept], merged.labels)


def _pixel(ratio: float, length: int) -> int:
    return min(round(ratio * length), length)


def _cut(boxes: Boxes, view: ViewSpec) -> Mask:
    """Tell which boxes touch a border of the view that is not a border of the picture."""
    low, high = np.array(view.top_left, np.float32), np.array(view.bottom_right, np.float32)
    at_low = (boxes[:, :2] - low < CUT_MARGIN) & (low > 0)
    at_high = (high - boxes[:, 2:] < CUT_MARGIN) & (high < 1)
    either = at_low | at_high
    touches: Mask = either[:, 0] | either[:, 1]
    return touches


def _merge(found: Detections, cut: Mask, other_view: Mask) -> NDArray[np.intp]:
    shared, areas = shared_areas(found.boxes)
    inside = np.divide(shared, areas[None, :], out=np.zeros_like(shared), where=areas[None, :] > 0) > COVERED
    same = (overlap_ratios(found.boxes) > MAX_OVERLAP) | (inside & cut[None, :])
    same &= other_view & (found.classes[:, None] == found.classes[None, :])
    # Scores are at most 1: whole boxes rank before cut ones, and among cut ones the larger part before the smaller.
    rank = np.where(cut, areas - 1, found.scores).astype(np.float32)
    return keep_best(rank, same)
