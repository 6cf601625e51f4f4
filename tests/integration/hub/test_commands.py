"""The command line against real processes: start, stop, kill, provisioning, and what it says when it cannot."""

import asyncio
import hashlib
import json
import socket
import stat
from pathlib import Path

import httpx
import pytest

from tests.hub_fixtures import PASSWORD, HubProcess, replace_password, sign_in
from tests.lab.processes import ManagedProcess, free_port, wait_until

PICTURE = b"\xff\xd8\xff\xe0 a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def finished(process: ManagedProcess) -> ManagedProcess:
    process.launch()
    wait_until(lambda: not process.running, f"{process.name} ends")
    return process


def log_lines(process: ManagedProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]


async def test_kill_and_restart_keep_people_sessions_and_pictures(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        token_file = tmp_path / "box.token"
        assert finished(hub.command_of("provision-edge", "box-1", "--token-file", str(token_file))).returncode == 0
        box = {"Authorization": f"Bearer {token_file.read_text('utf-8')}", "Content-Type": "image/jpeg"}
        first = hub.one_time_password
        assert first is not None
        async with httpx.AsyncClient(base_url=hub.url) as browser:
            await sign_in(browser, "admin", first)
            assert (await replace_password(browser, first, PASSWORD)).status_code == 200
            stored = await browser.put(f"/api/v1/media/{SHA256}", content=PICTURE, headers=box)
            assert stored.status_code == 201
            hub.kill()
            hub.start()
            assert hub.one_time_password is None
            browser.base_url = httpx.URL(hub.url)
            assert (await browser.get("/api/v1/session")).json()["username"] == "admin"
            assert (await browser.head(f"/api/v1/media/{SHA256}", headers=box)).status_code == 200


async def test_it_stops_cleanly_while_a_browser_listens(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        assert hub.one_time_password is not None
        async with httpx.AsyncClient(base_url=hub.url) as browser:
            await sign_in(browser, "admin", hub.one_time_password)
            await replace_password(browser, hub.one_time_password, PASSWORD)
            async with browser.stream("GET", "/api/v1/feed") as stream:
                lines = stream.aiter_lines()
                assert await anext(lines) == "event: hello"
                code = await asyncio.to_thread(hub.stop, 5.0)
        assert code == 0
        assert not [line for line in log_lines(hub) if line.get("level") in {"error", "critical"}]


def test_the_one_time_password_is_printed_once_and_in_no_file(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        password = hub.one_time_password
        assert password is not None
        hub.stop()
        hub.start()
        assert hub.one_time_password is None
    assert hub.log_path.read_text("utf-8").count(password) == 1
    for path in hub.data_dir.rglob("*"):
        assert not path.is_file() or password.encode() not in path.read_bytes()


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        hub = finished(HubProcess(tmp_path, port=port))
    assert hub.returncode == 2
    assert hub.log() == (
        f"tianrui-hub: port {port} on 127.0.0.1 cannot be used: Address already in use; give --port a free one\n"
    )


def test_a_taken_broker_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"TIANRUI_HUB_EMBEDDED_BROKER_PORT": str(port)}
        hub = finished(HubProcess(tmp_path, "--embedded-broker", env=environment))
    assert hub.returncode == 2
    assert hub.log().startswith(f"tianrui-hub: port {port} of the embedded broker is taken; set TIANRUI_HUB_")
    assert hub.log().count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--data-dir", "/dev/null/x"), "the data folder /dev/null/x cannot be used"),
        (("--host", "no.such.host.invalid"), "host 'no.such.host.invalid' is no address"),
        (("--settings", "/nowhere.yaml"), "the settings file /nowhere.yaml cannot be read"),
        (("--port", "70000"), "the settings are wrong: port:"),
    ],
)
def test_a_hub_that_cannot_start_says_why(tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    hub = finished(HubProcess(tmp_path, *flags))
    assert (hub.returncode, hub.log().count("\n")) == (2, 1)
    assert words in hub.log()
    assert "Traceback" not in hub.log()


def test_a_part_that_cannot_start_ends_the_hub(tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    cert.touch()
    hub = finished(HubProcess(tmp_path, env={"TIANRUI_HUB_MQTT_CERT": str(cert), "TIANRUI_HUB_MQTT_KEY": str(cert)}))
    assert hub.returncode == 2
    assert "tianrui-hub: mqtt_cert is set without mqtt_ca" in hub.log()
    assert "Traceback" not in hub.log()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("TLS_CERT", "TLS_KEY"), "are not a PEM certificate and its unencrypted private key"),
        (("MQTT_CA",), "the hub cannot connect to its broker with these settings: TLS: ca_file"),
    ],
)
def test_a_bad_certificate_is_one_clear_line(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing\n", encoding="utf-8")
    hub = finished(HubProcess(tmp_path, env={f"TIANRUI_HUB_{name}": str(bad) for name in names}))
    assert hub.returncode == 2
    assert hub.log().splitlines()[-1].startswith("tianrui-hub: ")
    assert words in hub.log()
    assert "Traceback" not in hub.log()


def test_provisioning_prints_once_rotates_and_tells_the_broker(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    command = hub.command_of("provision-edge", "box-1", "--json", "--embedded-broker")
    first, second = (log_lines(finished(command))[-1] for _ in range(2))
    assert (first["edge_id"], second["edge_id"]) == ("box-1", "box-1")
    assert first["token"] != second["token"]
    users = hub.data_dir / "broker" / "users.json"
    assert json.loads(users.read_text("utf-8"))["box-1"] == second["token"]
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert str(second["token"]).encode() not in (hub.data_dir / "hub.sqlite").read_bytes()


def test_a_token_file_is_private_and_the_token_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "box.token"
    command = finished(HubProcess(tmp_path).command_of("provision-edge", "box-1", "--json", "--token-file", str(file)))
    token = file.read_text("utf-8")
    assert len(token) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in command.log()
    assert not (tmp_path / "data" / "broker" / "users.json").exists()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("provision-edge", "Box 1"), "edge id 'Box 1' is not usable"),
        (("provision-edge", "hub"), "edge id 'hub' is not usable"),
        (
            ("provision-edge", "box-1", "--token-file", "/nowhere/token"),
            "the token file /nowhere/token cannot be written",
        ),
        (("add-user", "fang", "--role", "viewer"), "there is no administrator yet; start the hub once"),
        (("revoke-edge", "box-1"), "no box 'box-1' was ever provisioned"),
        (("reset-password", "nobody"), "there is no user 'nobody'; known: nobody yet; start the hub once"),
    ],
)
def test_a_command_that_cannot_says_why(tmp_path: Path, words: tuple[str, ...], answer: str) -> None:
    command = finished(HubProcess(tmp_path).command_of(*words))
    assert command.returncode == 2
    assert answer in command.log()
    assert "Traceback" not in command.log()


async def test_people_are_added_beside_a_running_hub(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        command = finished(hub.command_of("add-user", "Fang", "--role", "viewer", "--area", "110102"))
        assert command.returncode == 0
        name, _, password = command.log().strip().removeprefix("one-time password for ").partition(": ")
        async with httpx.AsyncClient(base_url=hub.url) as browser:
            answer = (await sign_in(browser, name, password)).json()
        assert (answer["username"], answer["role"], answer["area_prefix"]) == ("fang", "viewer", "110102")
        again = finished(hub.command_of("add-user", "fang", "--role", "viewer"))
        assert (again.returncode, "there is a user 'fang' already" in again.log()) == (2, True)


def test_a_revoked_box_is_a_stranger_to_the_broker_too(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    token = log_lines(finished(hub.command_of("provision-edge", "box-1", "--json", "--embedded-broker")))[-1]["token"]
    assert finished(hub.command_of("revoke-edge", "box-1")).returncode == 0
    users = json.loads((hub.data_dir / "broker" / "users.json").read_text("utf-8"))
    assert users["box-1"] not in {token, ""}


async def test_a_password_can_be_reset_beside_a_running_hub(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        command = finished(hub.command_of("reset-password", "admin"))
        assert command.returncode == 0
        password = command.log().strip().rpartition(": ")[2]
        async with httpx.AsyncClient(base_url=hub.url) as browser:
            assert (await sign_in(browser, "admin", hub.one_time_password or "")).status_code == 401
            answer = await sign_in(browser, "admin", password)
        assert answer.json()["must_change_password"] is True


async def test_the_embedded_broker_connects_the_hub_and_takes_new_boxes(tmp_path: Path) -> None:
    environment = {"TIANRUI_HUB_EMBEDDED_BROKER_PORT": str(free_port())}
    with HubProcess(tmp_path, "--embedded-broker", env=environment) as hub:
        ready = lambda: httpx.get(f"{hub.url}/readyz").json()["ingest"]  # noqa: E731
        await asyncio.to_thread(hub.wait_for, ready, "the hub is connected to its broker")
        assert finished(hub.command_of("provision-edge", "box-1")).returncode == 0
        await asyncio.to_thread(hub.wait_for_log, "the embedded broker restarts")
        await asyncio.to_thread(hub.wait_for, ready, "the hub is connected again")
        assert hub.stop() == 0
