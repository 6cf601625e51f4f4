"""The settings of a box, read once: a YAML file, then environment variables `TIANRUI_EDGE_*`, which win."""

import os
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from camera_configs.document import explain, read_document
from camera_configs.errors import ConfigError
from edge_agent.errors import SettingsError
from mqtt.topic import check_edge_id

PREFIX = "TIANRUI_EDGE_"
MAX_PORT = 65535
# The hub shows a box as offline after 45 s without a heartbeat; one lost heartbeat must not do that.
MAX_HEARTBEAT_S = 20
REMEDY = "make one with 'tianrui-hub provision-edge'"
_HUB_URL = re.compile(r"https?://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+")


def check_hub_url(url: str) -> str:
    """Return `url` without a trailing slash when it is the http(s) address of a hub and nothing more.

    Raises:
        ValueError: another scheme, a bad host or port, or credentials, a path, a query or a fragment inside it.
    """
    found = _HUB_URL.fullmatch(url)
    if not found or not 1 <= int(found["port"] or 1) <= MAX_PORT:
        msg = f"must be http(s)://host[:port], port 1 to {MAX_PORT}, without login, path, query or fragment"
        raise ValueError(msg)
    return url.rstrip("/")


def check_host(host: str) -> str:
    """Return `host` when it is a host name or an IP address.

    Raises:
        ValueError: it is neither.
    """
    if not _HOST_NAME.fullmatch(host) and _address(host) is None:
        msg = "must be a host name or an IP address, without scheme, login and port"
        raise ValueError(msg)
    return host


def check_token(token: SecretStr) -> SecretStr:
    """Return `token` unless it is blank.

    Raises:
        ValueError: it is.
    """
    if not token.get_secret_value().strip():
        msg = f"is empty; {REMEDY}"
        raise ValueError(msg)
    return token


def check_path(path: object) -> object:
    """Return `path` unless it is blank, which would be the working folder.

    Raises:
        ValueError: it is.
    """
    if isinstance(path, str) and not path.strip():
        msg = "is empty; name a file or folder, or leave the setting out"
        raise ValueError(msg)
    return path


Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
NamedPath = Annotated[Path, BeforeValidator(check_path)]


class BrokerTls(BaseModel):
    """TLS towards the broker: the authority that signed it and, for mutual TLS, the box's own certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ca_file: NamedPath
    cert_file: NamedPath | None = None
    key_file: NamedPath | None = None


class EdgeSettings(BaseSettings):
    """Everything that a box must be told to start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    edge_id: Annotated[str, AfterValidator(check_edge_id)]
    data_dir: NamedPath
    cameras_dir: NamedPath
    hub_url: Annotated[str, AfterValidator(check_hub_url)]
    mqtt_host: Annotated[str, AfterValidator(check_host)]
    mqtt_port: Port = 8883
    mqtt_tls: BrokerTls | None = None
    insecure_transport: bool = False
    token: Annotated[SecretStr, AfterValidator(check_token)] | None = None
    token_file: NamedPath | None = None
    model: str = "yolo11n-int8"
    models_dir: NamedPath | None = None
    inference_threads: Annotated[int, Field(ge=1, le=64)] = 1
    inference_device: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.:]{0,31}$")] = "CPU"
    metrics_port: Port | None = None
    heartbeat_s: Annotated[float, Field(ge=1, le=MAX_HEARTBEAT_S)] = 10.0
    disk_budget_mb: Annotated[int, Field(ge=64)] = 2048
    disk_reserve_mb: Annotated[int, Field(ge=16)] = 256
    snapshot_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    hwaccel: Annotated[str, Field(min_length=1, max_length=20)] = "none"
    # None: all of the machine's cores.
    cpu_budget_cores: Annotated[float, Field(ge=0.1, le=256, allow_inf_nan=False)] | None = None

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

    @model_validator(mode="after")
    def _nothing_in_the_clear_by_accident(self) -> "EdgeSettings":
        if self.insecure_transport:
            return self
        hub = urlsplit(self.hub_url)
        clear = []
        if self.mqtt_tls is None and not _is_this_machine(self.mqtt_host):
            clear.append(
                f"mqtt_host {self.mqtt_host} without 'mqtt_tls': this box's token and its events would be sent in the "
                "clear; set mqtt_tls.ca_file"
            )
        if hub.scheme == "http" and not _is_this_machine(hub.hostname or ""):
            clear.append(
                f"hub_url {self.hub_url} without TLS: this box's token and its pictures would be sent in the clear; "
                "use https"
            )
        if clear:
            msg = "; ".join(clear) + "; or set 'insecure_transport: true' where nobody else can listen on the network"
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
        except OSError as error:
            msg = f"token_file {self.token_file}: cannot be read ({error.strerror}); {REMEDY}"
        except UnicodeDecodeError:
            msg = f"token_file {self.token_file}: is not UTF-8 text; {REMEDY}"
        else:
            if text:
                return SecretStr(text)
            msg = f"token_file {self.token_file}: is empty; {REMEDY}"
        raise SettingsError(msg)

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
        msg = explain(error, path or f"environment {PREFIX}*")
    raise SettingsError(msg)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = read_document(path)
    except ConfigError as error:
        raise SettingsError(str(error)) from None
    if not isinstance(document, dict):
        msg = f"{path}: must hold 'name: value' pairs"
        raise SettingsError(msg)
    # To pydantic-settings a name such as `_cli_parse_args` is an order, not a setting.
    if any(name.startswith("_") for name in document):
        msg = f"{path}: no setting has a name that begins with '_'; remove it"
        raise SettingsError(msg)
    return document


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
