"""The certificate is looked at before the hub takes its port."""

import subprocess
from pathlib import Path

import pytest

from hub.errors import StartError
from hub.server import check_tls
from hub.settings import HubSettings
from tests.lab.processes import find_program


def certificate(folder: Path, name: str, *options: str) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=hub", *(options or ("-nodes",))]
    program = find_program("openssl", "openssl")
    subprocess.run([program, *words, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_a_certificate_with_its_key_passes_and_so_does_none(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "hub")
    check_tls(HubSettings(tls_cert=cert, tls_key=key))
    check_tls(HubSettings())


def test_another_key_a_locked_key_and_no_certificate_are_named(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "hub")
    _, other = certificate(tmp_path, "other")
    locked_cert, locked = certificate(tmp_path, "locked", "-passout", "pass:canary")
    empty = tmp_path / "empty.pem"
    empty.touch()
    for wrong_cert, wrong_key in ((cert, other), (locked_cert, locked), (empty, key), (cert, empty)):
        with pytest.raises(StartError, match=rf"tls_cert {wrong_cert} and tls_key {wrong_key} are not a PEM"):
            check_tls(HubSettings(tls_cert=wrong_cert, tls_key=wrong_key))
