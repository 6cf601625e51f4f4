"""The rules of a zone, each with its parameters, units and the hours in which it holds."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, model_validator

from camera_configs.geometry import ConfigModel

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62})$")]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Ratio = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(ConfigModel):
    """Hours of the day, in the site's time zone, from `start` up to `end`; past midnight when `end` is not after `start`."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEK
    start: time
    end: time


class RuleBase(ConfigModel):
    """What every rule has."""

    id: Name
    enabled: bool = True
    schedule: tuple[Window, ...] = ()
    min_score: Ratio = 0.35
    release_s: Seconds = 30.0


class CrowdingRule(RuleBase):
    """Crowding: at least `levels[i]` persons for `hold_s` seconds is level i + 1 (blue, yellow, orange, red)."""

    kind: Literal["crowding"] = "crowding"
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
    dwell_s: Seconds = 300.0
    vehicles: Annotated[tuple[Literal["car", "truck", "bus", "motorcycle"], ...], Field(min_length=1)] = ("car", "truck", "bus")


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
