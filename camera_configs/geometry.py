"""Points and polygons in normalised picture coordinates: x to the right, y down, both 0..1 of the whole picture."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from shapely.geometry import Polygon as ShapelyPolygon
from shapely.validation import explain_validity

MIN_AREA = 1e-5

Coordinate = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]


def check_polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return `points` when they enclose an area without crossing themselves.

    Raises:
        ValueError: the outline crosses itself, or its area is under 1e-5 of the picture.
    """
    shape = ShapelyPolygon(points)
    if not shape.is_valid:
        msg = f"the outline is not a simple polygon: {explain_validity(shape)}; reorder its points"
        raise ValueError(msg)
    if shape.area < MIN_AREA:
        msg = f"the area is {shape.area:.2g} of the picture, at least {MIN_AREA:g} is needed"
        raise ValueError(msg)
    return points


def uncovered(rectangles: Sequence[tuple[Point, Point]]) -> tuple[tuple[Point, ...], ...]:
    """Return the parts of the picture that no rectangle covers, as rectangles of four corners that do not overlap.

    `rectangles` are (top left, bottom right). Rectangles need no holes, which a polygon of this configuration has not.
    """
    columns = sorted({0.0, 1.0, *(corner[0] for rectangle in rectangles for corner in rectangle)})
    rows = sorted({0.0, 1.0, *(corner[1] for rectangle in rectangles for corner in rectangle)})
    return tuple(
        ((left, top), (right, top), (right, bottom), (left, bottom))
        for left, right in pairwise(columns)
        for top, bottom in pairwise(rows)
        if not any(a[0] <= left and right <= b[0] and a[1] <= top and bottom <= b[1] for a, b in rectangles)
    )


def shared_area(polygon: Sequence[Point], others: Sequence[Sequence[Point]]) -> float:
    """Return how much of the picture, 0..1, `polygon` shares with `others`, which must not overlap one another."""
    shape = ShapelyPolygon(polygon)
    return float(sum(shape.intersection(ShapelyPolygon(other)).area for other in others))


Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=64), AfterValidator(check_polygon)]


class ConfigModel(BaseModel):
    """Base of every configuration value: unknown fields are refused, values never change, errors show no input."""

    # The input of a refused address can hold a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
