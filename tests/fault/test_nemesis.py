"""Faults of every kind mixed, for a short while: the report adds up, and the command ends as the report says."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.lab.nemesis import Report
from tests.lab.peers import ROOT

SECONDS = 20


@pytest.mark.timeout(280)
def test_a_short_run_loses_nothing_and_reports(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    options = {"minutes": SECONDS / 60, "seed": 1, "json": path, "folder": tmp_path / "site"}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    command = [str(ROOT / "scripts" / "nemesis"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=270)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--seed 1" in done.stdout, "how to play it again"
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (report["lost"], report["double"], report["phantom"], report["other_faults"]) == (0, 0, 0, [])
    assert report["born"] == report["settled"] + report["pending"] + report["shed"] > 0
    assert sum(report["faults"].values()) >= 3
    assert report["seconds_to_drain"] > 0


@pytest.mark.parametrize(
    "spoilt",
    [
        {"lost": 1},
        {"double": 1},
        {"phantom": 1},
        {"refused": 1, "born": 11},
        {"settled": 9},
        {"born": 0, "settled": 0},
        {"other_faults": ["a case is missing"]},
    ],
)
def test_a_report_with_any_fault_is_not_good(spoilt: dict[str, object]) -> None:
    whole = {"seed": 1, "minutes": 1.0, "database": "sqlite", "born": 10, "settled": 10}
    assert Report(**whole).good  # type: ignore[arg-type]
    assert not Report(**(whole | spoilt)).good  # type: ignore[arg-type]
