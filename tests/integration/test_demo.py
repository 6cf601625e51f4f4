"""The demo as a stranger runs it: one JSON line after the first case, or a reason and an exit code that is not 0."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.peers import ROOT

LIMIT_S = 170


def demo(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the demo in `folder`, as scripts/demo does after the setup."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "scripts.demo", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), **env},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.needs_assets
@pytest.mark.timeout(180)
def test_the_first_case_comes_as_one_json_line(tmp_path: Path, vtest_path: Path) -> None:
    (tmp_path / "vtest.avi").symlink_to(vtest_path)
    done = demo(tmp_path, "--until-case", "120", "--json", "--source", "vtest.avi")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    case = json.loads(line)
    assert list(case) == ["case_no", "item", "stage", "seconds_to_first_case", "events_born", "events_acked"]
    assert case["item"] in {"illegal_parking", "crowding"}
    assert case["stage"] == "found"
    assert case["events_born"] == case["events_acked"] >= 1
    assert list(tmp_path.glob("tianrui-demo-*")) == []


@pytest.mark.needs_assets
@pytest.mark.timeout(180)
def test_no_case_in_time_is_a_failure_with_a_reason(tmp_path: Path, vtest_path: Path) -> None:
    done = demo(tmp_path, "--until-case", "0.5", "--json", "--source", str(vtest_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the first case did not happen within 0.5 s" in done.stderr


def test_a_source_that_is_not_there_is_named(tmp_path: Path, weights: Path) -> None:
    done = demo(tmp_path, "--source", "nowhere.mp4", TIANRUI_MODELS=str(weights))
    assert done.returncode == 1
    assert "nowhere.mp4: there is no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_goes_with_until_case(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert done.returncode == 2
    assert "--json goes with --until-case" in done.stderr
