"""Polygons: whatever is valid round-trips unchanged, whatever is not is refused; addresses hide logins."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from camera_configs.camera import MaskSpec
from camera_configs.geometry import MIN_AREA, Polygon, shared_area, uncovered
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


corners = st.tuples(coordinates, coordinates)
rectangles = st.tuples(corners, corners).map(
    lambda pair: (tuple(map(min, *pair)), tuple(map(max, *pair))),
)


@given(st.lists(rectangles, min_size=1, max_size=8), st.lists(corners, max_size=20))
def test_a_place_is_either_in_a_rectangle_or_in_what_they_leave(
    given: list[tuple[tuple[float, float], tuple[float, float]]], places: list[tuple[float, float]]
) -> None:
    left = uncovered(given)
    for x, y in places:
        inside = any(a[0] < x < b[0] and a[1] < y < b[1] for a, b in given)
        outside = not any(a[0] <= x <= b[0] and a[1] <= y <= b[1] for a, b in given)
        in_left = [True for (x1, y1), _, (x2, y2), _ in left if x1 < x < x2 and y1 < y < y2]
        on_edge = any(x in {c[0] for c in r} or y in {c[1] for c in r} for r in [*given, *left])
        assert on_edge or len(in_left) == (1 if outside else 0)
        assert not (inside and in_left)


def test_what_rectangles_leave_of_a_polygon() -> None:
    middle = ((0.25, 0.25), (0.75, 0.75))
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert shared_area(square, uncovered([middle])) == pytest.approx(0.75)
    assert uncovered([((0.0, 0.0), (0.55, 1.0)), ((0.45, 0.0), (1.0, 1.0))]) == ()


@given(st.text())
def test_a_password_shows_nowhere(password: str) -> None:
    secret = f"canary-{password}"
    source = RtspSource(url="rtsp://192.0.2.1/main", username="u", password=SecretStr(secret))
    assert source.shown == "rtsp://192.0.2.1"
    for shown in (repr(source), str(source), source.model_dump_json(), str(source.model_dump())):
        assert secret not in shown
        assert "canary-" not in shown


@pytest.mark.parametrize(
    "path", ["/user=admin&password=hunter2&channel=1", "?token=hunter2", "/hunter2/main", "#hunter2"]
)
def test_of_an_address_only_scheme_host_and_port_are_shown(path: str) -> None:
    for host in ("192.0.2.1:554", "[2001:db8::1]:554"):
        source = RtspSource(url=f"rtsp://{host}{path}")
        assert source.shown == f"rtsp://{host}"
        assert "hunter2" not in repr(source) + str(source)
