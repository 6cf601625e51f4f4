"""What a test run says where weights or a peer are missing: skipped with a reason and counted, but failed in CI."""

import os
import subprocess
import sys
from pathlib import Path

from tests.lab.peers import ROOT

CONFTEST = """
from pathlib import Path
pytest_plugins = ["tests.lab.fixtures"]

def pytest_configure():
    import tests.lab.fixtures
    tests.lab.fixtures.SHARED_ASSETS = Path("/nowhere/assets")
"""
TESTS = """
import pytest
from tests.lab.fixtures import peer_or_skip
from tests.lab.processes import find_program

@pytest.mark.needs_assets
def test_weights(): pass

@pytest.mark.needs_assets
def test_more_weights(): pass

def test_peer():
    with peer_or_skip():
        find_program("no-such-broker", "no-such-package")
"""


def run_pytest(folder: Path, **env: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    clean = {name: value for name, value in os.environ.items() if name not in {"CI", "TIANRUI_MODELS"}}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-c", ROOT / "pyproject.toml", "--rootdir", folder, folder]
    done = subprocess.run(command, cwd=ROOT, env=clean | env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_missing_weights_are_said_and_counted(tmp_path: Path) -> None:
    said = run_pytest(tmp_path)
    assert "3 skipped" in said
    assert "2 tests did not run; each needs the development weights" in said
    assert "no-such-broker is not installed; it comes with the Debian package no-such-package" in said


def test_weights_in_the_named_folder_are_enough(tmp_path: Path) -> None:
    said = run_pytest(tmp_path, TIANRUI_MODELS=str(tmp_path))
    assert "2 passed, 1 skipped" in said
    assert "did not run" not in said


def test_a_missing_peer_fails_in_ci(tmp_path: Path) -> None:
    assert "1 failed, 2 skipped" in run_pytest(tmp_path, CI="true")
