"""Options that cannot work are refused with the name of what is wrong; waits are jittered; secrets do not show."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mqtt.connection import Backoff, ConnectionOptions, PublishOutcome, TlsOptions
from mqtt.errors import ConnectionSetupError

GOOD = ConnectionOptions("broker.example", 8883, "box1", "box1", SecretStr("canary-7f3a"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": ""}, "host is empty"),
        ({"port": 0}, "port 0 is not in 1..65535"),
        ({"port": 70_000}, "port 70000"),
        ({"client_id": ""}, "client_id is empty"),
        ({"username": None}, "username and password go together"),
        ({"password": None}, "username and password go together"),
        ({"keepalive_s": 0}, "keepalive_s 0"),
        ({"session_expiry_s": -1}, "session_expiry_s -1"),
        ({"connect_timeout_s": 0.0}, "connect_timeout_s 0"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConnectionSetupError, match=said):
        dataclasses.replace(GOOD, **changes)


def test_options_show_the_broker_and_no_password() -> None:
    assert str(GOOD) == "mqtt://broker.example:8883"
    assert "canary-7f3a" not in repr(GOOD)


def test_tls_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectionSetupError, match=r"ca_file .*nothing\.pem cannot be read: No such file"):
        TlsOptions(tmp_path / "nothing.pem")


def test_a_tls_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(ConnectionSetupError, match=r"ca_file .*ca\.pem holds no PEM certificate"):
        TlsOptions(tmp_path / "ca.pem")


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConnectionSetupError, match=r"only .*box\.pem is given; cert_file and key_file go together"):
        TlsOptions(tmp_path / "ca.pem", cert_file=tmp_path / "box.pem")


@pytest.mark.parametrize(("code", "ok"), [(0x00, True), (0x10, True), (0x7F, True), (0x80, False), (0x87, False)])
def test_reason_codes_of_0x80_and_above_are_failures(code: int, ok: bool) -> None:
    assert PublishOutcome(code, "as the broker says").ok is ok


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_shorter_or_longer_than_agreed(attempt: int, chance: float) -> None:
    assert 0.25 <= Backoff(random=lambda: chance).delay_s(attempt) <= 30.0


def test_the_range_of_the_wait_doubles_until_its_end() -> None:
    longest = [Backoff(random=lambda: 1.0).delay_s(attempt) for attempt in range(9)]
    assert longest == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert {Backoff(random=lambda: 0.0).delay_s(attempt) for attempt in range(9)} == {0.25}


@pytest.mark.parametrize("code", [0x84, 0x86, 0x87, 0x8A, 0x8E])
def test_a_broker_that_said_no_is_asked_again_slowly(code: int) -> None:
    assert Backoff(random=lambda: 0.0).delay_s(0, code) == 30.0


@pytest.mark.parametrize("code", [None, 0x88, 0x89, 0x97, 0x9F])
def test_a_broker_that_is_busy_or_gone_is_asked_again_soon(code: int | None) -> None:
    assert Backoff(random=lambda: 0.0).delay_s(0, code) == 0.25
