"""The settings: what comes first, and what the errors say."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from hub.errors import StartError
from hub.settings import load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIANRUI_HUB_PORT", "TIANRUI_HUB_HOST", "TIANRUI_HUB_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_flags_beat_the_environment_and_that_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text("port: 1000\nhost: 127.0.0.2\ndistrict_code: '110105'\n", encoding="utf-8")
    monkeypatch.setenv("TIANRUI_HUB_PORT", "2000")
    monkeypatch.setenv("TIANRUI_HUB_HOST", "127.0.0.3")
    settings = load_settings(file, port=3000)
    assert (settings.port, settings.host, settings.district_code) == (3000, "127.0.0.3", "110105")


def test_sqlite_in_the_data_folder_is_the_default(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path).url_of_database == f"sqlite:///{tmp_path}/hub.sqlite"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"port": 70000}, "port: "),
        ({"time_zone": "Mars/Olympus"}, "write a name such as Asia/Shanghai"),
        ({"district_code": "Xicheng"}, "district_code: "),
        ({"tls_cert": "/nowhere/cert.pem"}, "tls_cert: Value error, there is no file /nowhere/cert.pem"),
        ({"public_url": "hub.example"}, "public_url: "),
        ({"mqtt_username": "x"}, "mqtt_username and mqtt_password belong together"),
        ({"mqtt_password": "hunter2"}, "mqtt_username and mqtt_password belong together"),
        (
            {"embedded_broker": True, "mqtt_username": "x", "mqtt_password": "y"},
            "the embedded broker makes its own passwords",
        ),
        ({"edge_events_per_s": 0}, "edge_events_per_s: "),
        ({"edge_events_burst": 0}, "edge_events_burst: "),
        ({"prot": 1}, "prot: "),
    ],
)
def test_an_error_names_the_field(flags: dict[str, object], words: str) -> None:
    with pytest.raises(StartError, match="the settings are wrong") as caught:
        load_settings(**flags)
    assert words in str(caught.value)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    with pytest.raises(StartError, match="tls_cert and tls_key belong together"):
        load_settings(tls_cert=tmp_path / "cert.pem")


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANRUI_HUB_PROT", "1")
    with pytest.raises(StartError, match="TIANRUI_HUB_PROT.*TIANRUI_HUB_PORT"):
        load_settings()


def test_a_list_that_is_no_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANRUI_HUB_TRUSTED_HOSTS", "hub.example")
    with pytest.raises(StartError, match=r'trusted_hosts.*\["one", "two"\]'):
        load_settings()


@pytest.mark.parametrize(
    ("content", "words"),
    [("a: [", "no YAML at line"), ("- 1", "must hold `name: value` lines"), (None, "cannot be read")],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "hub.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match=f"hub.yaml.*{words}"):
        load_settings(file)


def test_secrets_do_not_appear(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(
        "mqtt_password: hunter2\ndatabase_url: postgresql://u:hunter2@h/d\nport: hunter2\n", encoding="utf-8"
    )
    with pytest.raises(StartError) as caught:
        load_settings(file)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(load_settings(mqtt_username="hub", mqtt_password=SecretStr("hunter2")))
