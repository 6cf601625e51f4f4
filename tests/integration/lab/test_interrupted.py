"""A test run that is ended by SIGTERM takes its peers along."""

import sys
from pathlib import Path

from tests.lab.peers import ROOT
from tests.lab.processes import ManagedProcess, listens, wait_until

TESTS = """
import threading

def test_it(mosquitto):
    print("PORT", mosquitto.port, flush=True)
    threading.Event().wait(60)
"""


def test_no_peer_outlives_a_terminated_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.lab.fixtures"]\n')
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-s", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, tmp_path]
    with ManagedProcess("pytest", command, tmp_path, {"PYTHONPATH": str(ROOT)}) as run:
        port = int(run.wait_for_log(r"PORT (\d+)")[1])
        assert listens(port)
        assert run.process is not None
        run.process.terminate()
        wait_until(lambda: run.returncode is not None, "pytest ended")
        assert run.returncode == 2
        assert not listens(port)
