"""What the operator can set: variables `TIANRUI_HUB_*` over an optional YAML file; read once, here only."""

import os
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from hub.errors import StartError

ENV_PREFIX = "TIANRUI_HUB_"


class HubSettings(BaseSettings):
    """Everything that can be set; flags of the command line come first, then the environment, then the file."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Path("tianrui-data/hub")
    database_url: SecretStr | None = None
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8480, ge=0, le=65535)
    public_url: str | None = Field(None, pattern=r"^https?://[^/\s]+$")
    trusted_hosts: list[str] = []
    trusted_proxies: list[str] = []
    tls_cert: Path | None = None
    tls_key: Path | None = None

    mqtt_host: str = Field("127.0.0.1", min_length=1)
    mqtt_port: int = Field(1883, ge=1, le=65535)
    mqtt_username: str | None = None
    mqtt_password: SecretStr | None = None
    mqtt_ca: Path | None = None
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    embedded_broker: bool = False
    embedded_broker_port: int = Field(1883, ge=1, le=65535)
    edge_events_per_s: float = Field(200.0, ge=1)
    edge_events_burst: int = Field(2000, ge=1)

    time_zone: str = "Asia/Shanghai"
    district_code: str = Field("110102", pattern=r"^\d{6}$")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            msg = f"{value!r} is no time zone; write a name such as Asia/Shanghai"
            raise ValueError(msg) from None
        return value

    @field_validator("tls_cert", "tls_key", "mqtt_ca", "mqtt_cert", "mqtt_key")
    @classmethod
    def _file_exists(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            msg = f"there is no file {value}; write the path of a readable PEM file or leave it out"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        for cert, key, name in ((self.tls_cert, self.tls_key, "tls"), (self.mqtt_cert, self.mqtt_key, "mqtt")):
            if (cert is None) != (key is None):
                msg = f"{name}_cert and {name}_key belong together; set both or neither"
                raise ValueError(msg)
        if (self.mqtt_username is None) != (self.mqtt_password is None):
            msg = "mqtt_username and mqtt_password belong together; set both or neither"
            raise ValueError(msg)
        if self.embedded_broker and self.mqtt_username is not None:
            msg = "the embedded broker makes its own passwords; leave out mqtt_username and mqtt_password"
            raise ValueError(msg)
        return self

    @property
    def url_of_database(self) -> str:
        """The address of the database; SQLite in the data folder unless another was set; may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / 'hub.sqlite'}"

    @property
    def serves_tls(self) -> bool:
        """Whether browsers speak TLS to this hub, directly or through the public address."""
        return self.tls_cert is not None or (self.public_url or "").startswith("https:")

    @property
    def broker_dir(self) -> Path:
        """Where the embedded broker keeps its users and its configuration."""
        return self.data_dir / "broker"

    @property
    def broker_address(self) -> tuple[str, int]:
        """Host and port of the broker that the hub talks to."""
        return ("127.0.0.1", self.embedded_broker_port) if self.embedded_broker else (self.mqtt_host, self.mqtt_port)


def load_settings(file: Path | None = None, **flags: Any) -> HubSettings:  # noqa: ANN401
    """The settings of this process; `flags` are those of the command line that were given.

    Raises:
        StartError: a field or the file is wrong; the text names it and what is allowed, never a secret.
    """
    known = {ENV_PREFIX + name.upper() for name in HubSettings.model_fields}
    strangers = sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)
    if strangers:
        msg = f"unknown setting in the environment: {', '.join(strangers)}; known are {', '.join(sorted(known))}"
        raise StartError(msg)
    values = _read_file(file) if file is not None else {}

    class FromFile(HubSettings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=values)

    try:
        return FromFile(**flags)
    except SettingsError as error:
        msg = f'the settings are wrong: {error}; a list is written as ["one", "two"]'
        raise StartError(msg) from None
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors(include_input=False)]
        msg = "the settings are wrong: " + "; ".join(lines)
        raise StartError(msg) from None


def _read_file(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"the settings file {file} cannot be read: {error}; give --settings a readable YAML file"
        raise StartError(msg) from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}" if error.problem_mark else "somewhere"
        msg = f"the settings file {file} is no YAML at {where}: {error.problem}"
        raise StartError(msg) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        msg = f"the settings file {file} must hold `name: value` lines"
        raise StartError(msg)
    return values
