"""Each wrong setting gives one line with file, field and what to do, and never a secret or the words of the file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_agent.errors import SettingsError
from edge_agent.settings import EdgeSettings, load_settings

CANARY = "canary-5c20"
GOOD: dict[str, Any] = {
    "edge_id": "box-1",
    "data_dir": "data",
    "cameras_dir": "cameras",
    "hub_url": "https://hub.example",
    "mqtt_host": "broker.example",
    "mqtt_tls": {"ca_file": "ca.pem"},
    "token": CANARY,
}


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, **changes: Any) -> EdgeSettings:
    document = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return load_settings(write(folder, yaml.safe_dump(document)))


def refusal(error: SettingsError) -> str:
    """The text of the error; nothing that it was raised from or during can be shown with it."""
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert CANARY not in str(error)
    return str(error)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"edge_id": "Box 1"}, "edge_id: edge id 'Box 1' is not usable"),
    ({"edge_id": 7}, "edge_id: must be text; put it in quotes"),
    ({"edge_id": ...}, "edge_id: is missing; add it"),
    ({"data_dir": " "}, "data_dir: is empty; name a file or folder"),
    ({"cameras_dir": ""}, "cameras_dir: is empty; name a file or folder"),
    ({"hub_url": "ftp://hub.example"}, "hub_url: must be http(s)://host[:port], port 1 to 65535"),
    ({"hub_url": "https://"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub.example:0"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub.example:99999"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub.example:x"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub example"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub.example\n"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": "https://hub.example/hub"}, "hub_url: must be http(s)://host[:port]"),
    ({"hub_url": f"https://hub.example?token={CANARY}"}, "without login, path, query or fragment"),
    ({"hub_url": f"https://hub.example/#{CANARY}"}, "without login, path, query or fragment"),
    ({"hub_url": f"https://u:{CANARY}@hub.example"}, "without login, path, query or fragment"),
    ({"mqtt_host": ""}, "mqtt_host: must be a host name or an IP address"),
    ({"mqtt_host": "broker:8883"}, "mqtt_host: must be a host name or an IP address"),
    ({"mqtt_host": f"u:{CANARY}@broker"}, "mqtt_host: must be a host name or an IP address"),
    ({"mqtt_port": 0}, "mqtt_port: Input should be greater than or equal to 1"),
    ({"mqtt_tls": {"ca": "ca.pem", "ca_file": "ca.pem"}}, "mqtt_tls.ca: no field has this name here"),
    ({"mqtt_tls": {"ca_file": ""}}, "mqtt_tls.ca_file: is empty"),
    ({"mqtt_tls": CANARY}, "mqtt_tls: "),
    ({"token": ""}, "token: is empty; make one with 'tianrui-hub provision-edge'"),
    ({"token": "  "}, "token: is empty; make one with 'tianrui-hub provision-edge'"),
    ({"token": 12345678}, "token: must be text; put it in quotes"),
    ({"token": ...}, "give exactly one of 'token_file' and 'token'"),
    ({"token_file": "token"}, "give exactly one of 'token_file' and 'token'"),
    ({"token": ..., "token_file": ""}, "token_file: is empty"),
    ({"models_dir": ""}, "models_dir: is empty"),
    ({"inference_threads": 0}, "inference_threads: Input should be greater than or equal to 1"),
    ({"metrics_port": 65536}, "metrics_port: Input should be less than or equal to 65535"),
    ({"heartbeat_s": 21}, "heartbeat_s: Input should be less than or equal to 20"),
    ({"disk_budget_mb": 63}, "disk_budget_mb: Input should be greater than or equal to 64"),
    ({"disk_reserve_mb": 15}, "disk_reserve_mb: Input should be greater than or equal to 16"),
    ({"snapshot_s": 0}, "snapshot_s: Input should be greater than or equal to 1"),
    ({"tokenn": CANARY}, "tokenn: no field has this name here; correct its spelling or remove it"),
    ({"_cli_parse_args": True}, "no setting has a name that begins with '_'"),
]


@pytest.mark.parametrize(("changes", "said"), BAD, ids=[f"{'-'.join(c)}-{n}" for n, (c, _) in enumerate(BAD)])
def test_a_wrong_setting_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, **changes)
    text = refusal(error.value)
    assert text.startswith(f"{tmp_path / 'edge.yaml'}: ")
    assert said in text
    assert "12345678" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"edge_id: a\ntoken: {CANARY} : x\n", "is not YAML, line 2"),
        (f"edge_id: a\ntoken: *{CANARY}\n", "is not YAML, line 2: found undefined alias"),
        (f"edge_id: a\ntoken: %{CANARY}\n", "is not YAML, line 2"),
        (f'edge_id: a\ntoken: "{CANARY}\n', "is not YAML, line 3"),
        (f"edge_id: a\ntoken:{CANARY}\n", "is not YAML, line 3"),
        (f"{{token:{CANARY}}}\n", "token: no field has this name here"),
        ("edge_id: a\n1: x\n", "line 2: a name here is a number, a date, yes, no or nothing; write 'name: value'"),
        ("edge_id: a\nyes: x\n", "line 2: a name here is a number, a date, yes, no or nothing; write 'name: value'"),
        ("edge_id: a\nedge_id: b\n", "line 2: edge_id is there twice; remove one"),
        ("", "must hold 'name: value' pairs"),
        (CANARY, "must hold 'name: value' pairs"),
    ],
)
def test_a_file_that_is_no_settings_says_where_and_quotes_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(write(tmp_path, text))
    assert said in refusal(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file"):
        load_settings(tmp_path / "none.yaml")
    (tmp_path / "edge.yaml").write_bytes(b"token: \xff\xfe")
    with pytest.raises(SettingsError, match=r"edge\.yaml: is not UTF-8 text"):
        load_settings(tmp_path / "edge.yaml")


PLAIN_BROKER = {"mqtt_tls": ..., "mqtt_host": "10.0.0.5"}
PLAIN_HUB = {"hub_url": "http://hub.example:8480"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (PLAIN_BROKER, ["mqtt_host 10.0.0.5 without 'mqtt_tls': this box's token and its events would be sent"]),
        (PLAIN_HUB, ["hub_url http://hub.example:8480 without TLS: this box's token and its pictures would be sent"]),
        (PLAIN_BROKER | PLAIN_HUB, ["mqtt_host 10.0.0.5", "hub_url http://hub.example:8480"]),
        ({"mqtt_tls": ..., "mqtt_host": "localhost.example"}, ["mqtt_host localhost.example"]),
        ({"hub_url": "http://127.0.0.1.example"}, ["hub_url http://127.0.0.1.example"]),
    ],
)
def test_a_token_goes_nowhere_in_the_clear_by_accident(
    tmp_path: Path, changes: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, **changes)
    text = refusal(error.value)
    assert all(words in text for words in said)
    assert "set 'insecure_transport: true' where nobody else can listen" in text
    assert load(tmp_path, **changes, insecure_transport=True).insecure_transport


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_this_machine_needs_no_tls(tmp_path: Path, host: str) -> None:
    url = f"http://[{host}]:80/" if ":" in host else f"http://{host}:80/"
    settings = load(tmp_path, mqtt_tls=..., mqtt_host=host, hub_url=url)
    assert (settings.mqtt_host, settings.hub_url) == (host, url.rstrip("/"))


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANRUI_EDGE_MQTT_PORT", "1884")
    monkeypatch.setenv("TIANRUI_EDGE_MQTT_TLS__CA_FILE", "other.pem")
    settings = load(tmp_path, mqtt_port=1883)
    assert settings.mqtt_port == 1884
    assert settings.mqtt_tls is not None
    assert settings.mqtt_tls.ca_file == Path("other.pem")


def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANRUI_EDGE_MQTT_TLS", f"{{{CANARY}")
    with pytest.raises(SettingsError) as error:
        load(tmp_path)
    assert "mqtt_tls: must be a block of 'field: value' lines" in refusal(error.value)


def test_without_a_file_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANRUI_EDGE_EDGE_ID", "box-1")
    with pytest.raises(SettingsError) as error:
        load_settings(None)
    text = refusal(error.value)
    assert "environment TIANRUI_EDGE_*: hub_url: is missing; add it" in text
    assert "edge_id" not in text


@pytest.mark.parametrize(("content", "said"), [(b"\n", "is empty"), (b"\xff", "is not UTF-8"), (None, "No such file")])
def test_a_token_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    settings = load(tmp_path, token=..., token_file=str(tmp_path / "token"))
    with pytest.raises(SettingsError, match=said) as error:
        settings.read_token()
    assert str(tmp_path / "token") in str(error.value)
    assert "tianrui-hub provision-edge" in str(error.value)


def test_the_token_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f" {CANARY}\n", encoding="utf-8")
    for settings in (load(tmp_path), load(tmp_path, token=..., token_file=str(tmp_path / "token"))):
        token = settings.read_token()
        assert token.get_secret_value() == CANARY
        for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(token)):
            assert CANARY not in shown
