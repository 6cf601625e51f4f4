"""The rules of a zone, each with its parameters, units and the hours in which it holds."""

from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from camera_configs.geometry import ConfigModel

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62})$")]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Ratio = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Vehicle = Literal["car", "truck", "bus", "motorcycle"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check_written_time(value: object) -> object:
    """Return `value` unless it is a number: YAML 1.1 reads 18:30 without quotes as 1110.

    Raises:
        ValueError: it is a number.
    """
    if isinstance(value, int | float):
        msg = "is a number, as YAML reads 18:30; put the time in quotes: '18:30'"
        raise ValueError(msg)  # noqa: TRY004 - pydantic reports no TypeError
    return value


def check_local_time(value: time) -> time:
    """Return `value` when it has no offset of its own.

    Raises:
        ValueError: it has one.
    """
    if value.tzinfo is not None:
        msg = "has a time zone; leave it out, the camera's 'time_zone' holds"
        raise ValueError(msg)
    return value


TimeOfDay = Annotated[time, BeforeValidator(check_written_time), AfterValidator(check_local_time)]


class Window(ConfigModel):
    """Hours of the day in the site's time zone, `start` up to `end`; past midnight when `end` is not after `start`."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEK
    start: TimeOfDay
    end: TimeOfDay


class RuleBase(ConfigModel):
    """What every rule has."""

    id: Name
    enabled: bool = True
    schedule: tuple[Window, ...] = ()
    release_s: Seconds = 30.0


class CrowdingRule(RuleBase):
    """Crowding: at least `levels[i]` persons for `hold_s` seconds is level i + 1 (blue, yellow, orange, red)."""

    kind: Literal["crowding"] = "crowding"
    min_score: Ratio = 0.35
    levels: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=4)] = (10, 20, 30, 40)
    hold_s: Seconds = 60.0
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _levels_rise(self) -> "CrowdingRule":
        if any(a >= b for a, b in zip(self.levels, self.levels[1:], strict=False)):
            msg = f"levels must rise strictly, got {list(self.levels)}"
            raise ValueError(msg)
        return self


class ParkingRule(RuleBase):
    """Illegal parking: one vehicle's place stays occupied for `dwell_s` seconds."""

    kind: Literal["illegal_parking"] = "illegal_parking"
    min_score: Ratio = 0.35
    dwell_s: Seconds = 300.0
    vehicles: Annotated[tuple[Vehicle, ...], Field(min_length=1)] = ("car", "truck", "bus")


class LitterRule(RuleBase):
    """Litter: something new and still, between `min_area` and `max_area` of the picture, for `hold_s` seconds."""

    kind: Literal["litter"] = "litter"
    hold_s: Seconds = 120.0
    min_area: Ratio = 0.0004
    max_area: Ratio = 0.05

    @model_validator(mode="after")
    def _area_range(self) -> "LitterRule":
        if self.min_area >= self.max_area:
            msg = f"min_area {self.min_area:g} must be under max_area {self.max_area:g}"
            raise ValueError(msg)
        return self


Rule = Annotated[CrowdingRule | ParkingRule | LitterRule, Field(discriminator="kind")]
