"""Polygons: whatever is valid round-trips unchanged, whatever is not is refused with ValueError."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from camera_configs.camera import MaskSpec
from camera_configs.geometry import MIN_AREA, Polygon
from camera_configs.source import RtspSource

POLYGON: TypeAdapter[tuple[tuple[float, float], ...]] = TypeAdapter(Polygon)
coordinates = st.floats(0, 1)


@st.composite
def star_shaped(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Corners at rising angles around the middle: never crossing itself."""
    count = draw(st.integers(3, 64))
    radii = draw(st.lists(st.floats(0.1, 0.5), min_size=count, max_size=count))
    turn = 2 * math.pi / count
    return [(0.5 + r * math.cos(i * turn), 0.5 + r * math.sin(i * turn)) for i, r in enumerate(radii)]


@given(star_shaped())
def test_a_valid_polygon_round_trips(points: list[tuple[float, float]]) -> None:
    mask = MaskSpec.model_validate({"id": "m", "polygon": points})
    assert mask.polygon == tuple(points)
    assert MaskSpec.model_validate_json(mask.model_dump_json()) == mask


@given(st.lists(st.tuples(coordinates, coordinates), max_size=8))
def test_any_points_are_taken_unchanged_or_refused(points: list[tuple[float, float]]) -> None:
    try:
        taken = POLYGON.validate_python(points)
    except ValidationError:
        return
    assert taken == tuple(points)
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(taken, taken[1:] + taken[:1], strict=True)) / 2
    assert abs(area) >= MIN_AREA * 0.999


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1.01, "x", None])
def test_coordinates_outside_the_picture_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        POLYGON.validate_python([(value, 0.1), (0.9, 0.1), (0.9, 0.9)])


@given(st.text())
def test_a_password_shows_nowhere(password: str) -> None:
    secret = f"canary-{password}"
    source = RtspSource(url="rtsp://192.0.2.1/main", username="u", password=SecretStr(secret))
    for shown in (repr(source), str(source), source.model_dump_json(), str(source.model_dump())):
        assert secret not in shown
        assert "canary-" not in shown
