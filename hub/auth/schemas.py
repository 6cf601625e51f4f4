"""What the session routes take and answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.auth.policy import Role

PASSWORD_LIMIT = 256
"""Longer passwords are refused before they are hashed."""


class Credentials(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(min_length=1, max_length=PASSWORD_LIMIT)


class PasswordChange(BaseModel):
    """The password that was, and the one that shall be."""

    model_config = ConfigDict(extra="forbid")

    current_password: SecretStr = Field(min_length=1, max_length=PASSWORD_LIMIT)
    new_password: SecretStr = Field(max_length=PASSWORD_LIMIT)


class SessionView(BaseModel):
    """Who is signed in, and the token that unsafe requests must carry."""

    model_config = ConfigDict(frozen=True)

    username: str
    display_name: str
    role: Role
    area_prefix: str
    must_change_password: bool
    csrf_token: str
    expires_at: datetime


class SessionAnswer(SessionView):
    """A session as the page gets it, with the site's time zone: pages show the wall time that pictures show."""

    time_zone: str
