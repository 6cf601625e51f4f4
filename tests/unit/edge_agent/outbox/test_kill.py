"""Whatever was kept before a SIGKILL is there afterwards, and so are its pictures."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.evidence.store import EvidenceStore
from edge_agent.outbox.store import Outbox

KILLS = 8
ROOT = Path(__file__).resolve().parents[4]


def run_until_killed(folder: Path, lines: int, extra_s: float) -> list[tuple[str, str]]:
    command = [sys.executable, "-m", "tests.unit.edge_agent.outbox.keeper", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        signal.setitimer(signal.ITIMER_REAL, extra_s)
        signal.sigwait([signal.SIGALRM])
        os.kill(process.pid, signal.SIGKILL)
        printed += process.stdout.read().splitlines(keepends=True)
    assert process.returncode == -signal.SIGKILL
    return [(event_id, sha256) for event_id, sha256 in (line.split() for line in printed if line.endswith("\n"))]


def test_nothing_that_was_kept_is_lost_by_sigkill(tmp_path: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    chance = random.Random(11)
    kept: list[tuple[str, str]] = []
    try:
        for _ in range(KILLS):
            kept += run_until_killed(tmp_path, chance.randrange(1, 60), chance.uniform(0.0005, 0.02))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    assert len(kept) >= KILLS
    outbox = Outbox(tmp_path / "outbox.sqlite", SystemClock())
    store = EvidenceStore(tmp_path / "evidence")
    found = {str(event.event_id) for event in outbox.due(100_000, 100_000)}
    pictures = outbox.pictures.pending(100_000)
    assert {event_id for event_id, _ in kept} <= found
    assert {sha256 for _, sha256 in kept} <= set(pictures)
    assert all(store.read(sha256) for sha256 in pictures)
    counts = outbox.counts()
    assert counts.adds_up
    assert counts.born == len(found) == len(pictures)
    assert not list((tmp_path / "evidence").rglob("*.part"))
    outbox.close()
