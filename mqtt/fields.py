"""The values that every message is made of; what is not one of these never gets through."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from mqtt.topic import EDGE_ID_PATTERN

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62})$")]
EdgeId = Annotated[str, Field(pattern=EDGE_ID_PATTERN)]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


GridCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{15}$")]
Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Field(gt=0, le=2**31 - 1)]
# PostgreSQL stores no NUL in a text.
NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Field(max_length=500, pattern=NO_NUL)]
Label = Annotated[str, Field(max_length=100, pattern=NO_NUL)]
UnitName = Annotated[str, Field(max_length=20, pattern=NO_NUL)]


def check_moment(moment: datetime) -> datetime:
    """Return `moment` when it can be turned into UTC and stored; a box with a dead clock sends 1970.

    Raises:
        ValueError: the year is before 1970 or after 9998.
    """
    if not 1970 <= moment.year <= 9998:  # noqa: PLR2004
        msg = f"the year {moment.year} is not in 1970..9998"
        raise ValueError(msg)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(check_moment)]


class WireModel(BaseModel):
    """Base of everything on the wire: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Picture(WireModel):
    """A picture that is uploaded over HTTPS under its hash; masks are already applied."""

    sha256: Sha256
    content_type: Literal["image/jpeg"] = "image/jpeg"
    size: Positive
    width: Positive
    height: Positive
    taken_at: Moment
