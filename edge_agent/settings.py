"""The settings of a box, read once: a YAML file, then environment variables `TIANRUI_EDGE_*`, which win."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edge_agent.errors import SettingsError
from mqtt.topic import check_edge_id

Port = Annotated[int, Field(ge=1, le=65535)]


def check_hub_url(url: str) -> str:
    """Return `url` without a trailing slash when it is the http(s) address of a hub.

    Raises:
        ValueError: another scheme, no host, or credentials inside it.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        msg = "must be http(s)://host[:port] without credentials"
        raise ValueError(msg)
    return url.rstrip("/")


class BrokerTls(BaseModel):
    """TLS towards the broker: the authority that signed it and, for mutual TLS, the box's own certificate."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None


class EdgeSettings(BaseSettings):
    """Everything that a box must be told to start."""

    model_config = SettingsConfigDict(
        env_prefix="TIANRUI_EDGE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    edge_id: Annotated[str, AfterValidator(check_edge_id)]
    data_dir: Path
    cameras_dir: Path
    hub_url: Annotated[str, AfterValidator(check_hub_url)]
    mqtt_host: str
    mqtt_port: Port = 8883
    mqtt_tls: BrokerTls | None = None
    token: SecretStr | None = None
    token_file: Path | None = None
    model: str = "yolo11n-int8"
    models_dir: Path | None = None
    inference_threads: Annotated[int, Field(ge=1, le=64)] = 1
    metrics_port: Port | None = None
    heartbeat_s: Annotated[float, Field(ge=1, le=600)] = 10.0
    snapshot_s: Annotated[float, Field(ge=1, le=3600)] = 10.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _one_token(self) -> "EdgeSettings":
        if (self.token is None) == (self.token_file is None):
            msg = "give exactly one of 'token_file' and 'token'; the hub's 'tianrui-hub provision-edge' makes one"
            raise ValueError(msg)
        return self

    def read_token(self) -> SecretStr:
        """The token that this box shows to the hub and to the broker.

        Raises:
            SettingsError: the token file is missing, unreadable or empty.
        """
        if self.token is not None:
            return self.token
        try:
            text = self.token_file.read_text(encoding="utf-8").strip() if self.token_file else ""
        except (OSError, UnicodeDecodeError) as error:
            msg = f"token_file {self.token_file}: cannot be read ({error}); make one with 'tianrui-hub provision-edge'"
            raise SettingsError(msg) from None
        if not text:
            msg = f"token_file {self.token_file}: is empty; make one with 'tianrui-hub provision-edge'"
            raise SettingsError(msg)
        return SecretStr(text)

    def model_folders(self) -> tuple[Path, ...]:
        """Folders to look for weights in, besides the package: the settings' own, then `$TIANRUI_MODELS`."""
        named = os.environ.get("TIANRUI_MODELS")
        return tuple(folder for folder in (self.models_dir, Path(named) if named else None) if folder)


def load_settings(path: Path | None) -> EdgeSettings:
    """Read the settings from a YAML file (when given) and the environment.

    Raises:
        SettingsError: the file cannot be read, or a value is missing, unknown or wrong; one line a problem.
    """
    try:
        return EdgeSettings(**_read_yaml(path) if path else {})
    except ValidationError as error:
        origin = str(path) if path else "settings"
        lines = [
            f"{origin}: {'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise SettingsError(msg) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{path}: is not YAML: {str(error).replace(chr(10), ' ')}"
        raise SettingsError(msg) from None
    if not isinstance(document, dict):
        msg = f"{path}: must hold 'name: value' pairs"
        raise SettingsError(msg)
    return document
