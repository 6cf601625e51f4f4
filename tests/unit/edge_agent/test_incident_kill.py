"""Killed at any step, a box knows afterwards exactly the incidents whose OPEN is kept and whose CLOSE is not."""

import subprocess
import sys
from pathlib import Path

from edge_agent.outbox.store import Outbox
from mqtt.envelope import Envelope, decode
from mqtt.messages import FindingBody, Phase
from tests.unit.edge_agent.outbox.builders import ManualClock

ROOT = Path(__file__).resolve().parents[3]


def told(outbox: Outbox) -> list[FindingBody]:
    envelopes = (decode(due.payload, Envelope) for due in outbox.due(1000, 1000))
    return [envelope.body for envelope in envelopes if isinstance(envelope.body, FindingBody)]


def test_a_kill_between_event_and_register_is_impossible(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.unit.edge_agent.killed_box", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    folders = int(done.stdout)
    seen = set()
    for number in range(1, folders + 1):
        outbox = Outbox(tmp_path / str(number) / "outbox.sqlite", ManualClock())
        assert outbox.moved_aside is None
        bodies = told(outbox)
        opened = {body.incident_id for body in bodies if body.phase is Phase.OPEN}
        closed = {body.incident_id for body in bodies if body.phase is Phase.CLOSE}
        known = {body.incident_id for body in bodies}
        assert known == opened, f"step {number}: an incident goes on that was never opened"
        assert {row.incident_id for row in outbox.incidents.all()} == opened - closed, f"step {number}"
        assert outbox.counts().adds_up
        seen.add((len(bodies), len(opened - closed)))
        outbox.close()
    assert folders > 40
    assert len(seen) > 6, "the kills hit many different moments"
