"""A camera: its source, how it is decoded, its zones with their rules, and what must never be stored."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from camera_configs.geometry import MIN_AREA, ConfigModel, Point, Polygon, shared_area, uncovered
from camera_configs.rules import Name, Rule
from camera_configs.source import Source

GridCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{15}$")]
Title = Annotated[str, Field(min_length=1, max_length=100)]


def check_time_zone(name: str) -> str:
    """Return `name` when it is a time zone of the IANA database.

    Raises:
        ValueError: it is not.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        msg = f"{name!r} is not an IANA time zone such as Asia/Shanghai"
        raise ValueError(msg) from None
    return name


class DecodePolicy(ConfigModel):
    """How often frames are decoded and looked at.

    `auto`: as often as the rules need, by key frames where these are enough, at most `fps` frames a second.
    `keyframes`: every key frame and no other. `full`: `fps` frames a second, whatever the rules need.
    """

    mode: Literal["auto", "keyframes", "full"] = "auto"
    fps: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] = 2.0


class ViewSpec(ConfigModel):
    """A part of the picture that is detected on by itself; corners in normalised picture coordinates."""

    id: Name
    top_left: Point = (0.0, 0.0)
    bottom_right: Point = (1.0, 1.0)

    @model_validator(mode="after")
    def _has_area(self) -> "ViewSpec":
        if self.bottom_right[0] <= self.top_left[0] or self.bottom_right[1] <= self.top_left[1]:
            msg = f"view {self.id!r}: bottom_right must be right of and below top_left"
            raise ValueError(msg)
        return self


class ZoneSpec(ConfigModel):
    """A polygon in the picture and the rules that hold in it; a thing is inside when its ground point is."""

    id: Name
    name_zh: Title
    name_en: Title
    polygon: Polygon
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class MaskSpec(ConfigModel):
    """A polygon that is blackened before anything is stored, sent or detected on."""

    id: Name
    polygon: Polygon


class PrivacySpec(ConfigModel):
    """What is done to people in stored pictures: they are pixelated, and what no view covers is blackened."""

    blur_persons: bool = True


class Position(ConfigModel):
    """Where the camera stands, WGS-84 degrees, and its height above ground in metres."""

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    height_m: Annotated[float, Field(gt=0, le=500, allow_inf_nan=False)] | None = None


class CameraSpec(ConfigModel):
    """Everything that a box needs to know of one camera."""

    id: Name
    name_zh: Title
    name_en: Title
    role: Literal["planar"] = "planar"
    version: Annotated[int, Field(ge=1)] = 1
    source: Source
    decode: DecodePolicy = DecodePolicy()
    views: Annotated[tuple[ViewSpec, ...], Field(min_length=1, max_length=8)] = (ViewSpec(id="whole"),)
    zones: tuple[ZoneSpec, ...] = ()
    masks: tuple[MaskSpec, ...] = ()
    privacy: PrivacySpec = PrivacySpec()
    position: Position | None = None
    grid_code: GridCode | None = None
    time_zone: Annotated[str, AfterValidator(check_time_zone)] = "Asia/Shanghai"

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "CameraSpec":
        for what, ids in (
            ("view", [view.id for view in self.views]),
            ("zone", [zone.id for zone in self.zones]),
            ("mask", [mask.id for mask in self.masks]),
            ("rule", [rule.id for zone in self.zones for rule in zone.rules]),
        ):
            double = {i for i in ids if ids.count(i) > 1}
            if double:
                msg = f"{what} ids must be unique within a camera, double: {', '.join(sorted(double))}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _zones_are_seen(self) -> "CameraSpec":
        unseen = self.unseen()
        for zone in self.zones:
            lost = shared_area(zone.polygon, unseen)
            if lost > MIN_AREA:
                msg = f"zone {zone.id!r}: {lost:.2g} of the picture is in it but in no view; enlarge a view"
                raise ValueError(msg)
        return self

    def unseen(self) -> tuple[tuple[Point, ...], ...]:
        """The parts of the picture that no view covers, as rectangles: nothing is detected there, persons neither."""
        return uncovered([(view.top_left, view.bottom_right) for view in self.views])
