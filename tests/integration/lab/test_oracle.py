"""The oracle finds a planted loss, duplicate, phantom and wrong case, and finds nothing where all is well."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from edge_agent.errors import OutboxError
from edge_agent.outbox.rows import NewEvent
from scripts.births import Births, NotedOutbox
from tests.hub_messages import new_id
from tests.lab import peers
from tests.lab.oracle import Boxes, Oracle, Truth, plain, postgres_rows, sqlite_rows
from tests.unit.edge_agent.outbox.builders import ManualClock, picture

TABLES = (
    "CREATE TABLE event (event_id TEXT, kind TEXT, body TEXT)",
    "CREATE TABLE case_history (event_id TEXT, action TEXT)",
    "CREATE TABLE audit (object_type TEXT, action TEXT, detail TEXT)",
    "CREATE TABLE grid_case (edge_id TEXT, incident_id TEXT, version INTEGER, cleared_at TEXT)",
    "CREATE TABLE case_evidence (sha256 TEXT)",
    "CREATE TABLE media (sha256 TEXT)",
)
SHA = "cd" * 32


class Planted:
    """A hub's tables with one incident of three events, all of which is right until a test spoils it."""

    def __init__(self, run: Callable[[str], None]) -> None:
        self.run = run
        for table in TABLES:
            run(table)
        self.incident = str(new_id())
        self.events = [str(new_id()) for _ in range(3)]
        self.truth = Truth(born={plain(event) for event in self.events})
        for event, phase in zip(self.events, ("open", "update", "close"), strict=True):
            note = {"edge_id": "box-a", "incident_id": self.incident, "phase": phase, "boot_id": "b", "seq": 1}
            self.truth.intents[plain(event)] = note
            self.store(event)
        self.case(self.incident, 3, "now")

    def store(self, event: str) -> None:
        self.run(f"INSERT INTO event VALUES ('{event}', 'finding', '{{}}')")  # noqa: S608
        self.run(f"INSERT INTO case_history VALUES ('{event}', 'found')")  # noqa: S608
        self.run(f"INSERT INTO audit VALUES ('case', 'case_found', '{json.dumps({'event_id': event})}')")  # noqa: S608

    def case(self, incident: str, version: int, cleared: str) -> None:
        self.run(f"INSERT INTO grid_case VALUES ('box-a', '{incident}', {version}, '{cleared}')")  # noqa: S608


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Planted, Oracle]:
    media = tmp_path / "media"
    if request.param == "sqlite":
        path = tmp_path / "hub.sqlite"

        def run(statement: str) -> None:
            with closing(sqlite3.connect(path)) as database, database:
                database.execute(statement)

        return Planted(run), Oracle(sqlite_rows(path), media)
    request.getfixturevalue("postgres_url")
    cluster: peers.Postgres = request.getfixturevalue("postgres")
    dsn = cluster.dsn(request.getfixturevalue("postgres_url").rpartition("/")[2])

    def run_there(statement: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as database:
            database.execute(statement.encode())

    return Planted(run_there), Oracle(postgres_rows(dsn), media)


def test_all_is_well(hub: tuple[Planted, Oracle]) -> None:
    planted, oracle = hub
    verdict = oracle.judge(planted.truth)
    assert not verdict.faults, verdict
    assert verdict.stored == 3


def test_a_planted_loss(hub: tuple[Planted, Oracle]) -> None:
    planted, oracle = hub
    planted.run(f"DELETE FROM event WHERE event_id = '{planted.events[1]}'")  # noqa: S608
    assert oracle.judge(planted.truth).lost == [plain(planted.events[1])]
    kept = Boxes(kept={plain(planted.events[1])})
    kept.milestones.update(born=3, acked=2)
    assert not oracle.judge(planted.truth, kept).lost, "what is still on its box is not lost"


@pytest.mark.parametrize(
    "again",
    [
        "INSERT INTO event VALUES ('{event}', 'finding', '{{}}')",
        "INSERT INTO case_history VALUES ('{event}', 'found')",
        "INSERT INTO audit VALUES ('case', 'case_found', '{{\"event_id\": \"{event}\"}}')",
    ],
)
def test_a_planted_duplicate(hub: tuple[Planted, Oracle], again: str) -> None:
    planted, oracle = hub
    planted.run(again.format(event=planted.events[0]))
    verdict = oracle.judge(planted.truth)
    assert len(verdict.double) == 1
    assert plain(planted.events[0]) in verdict.double[0]


def test_a_planted_phantom_and_an_event_that_may_have_happened(hub: tuple[Planted, Oracle]) -> None:
    planted, oracle = hub
    stranger = str(new_id())
    planted.run(f"INSERT INTO event VALUES ('{stranger}', 'finding', '{{}}')")  # noqa: S608
    planted.truth.born.discard(plain(planted.events[2]))
    verdict = oracle.judge(planted.truth)
    assert verdict.phantom == [plain(stranger)]
    assert verdict.unknown == 1, "killed between commit and note: neither lost nor phantom"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("DELETE FROM grid_case", "has no case"),
        ("INSERT INTO grid_case SELECT * FROM grid_case", "has 2 cases"),
        ("UPDATE grid_case SET version = 4", "took 4 messages of 3"),
        ("UPDATE grid_case SET cleared_at = NULL", "is cleared: None"),
        ("INSERT INTO grid_case VALUES ('box-a', '00', 1, NULL)", "took 1 messages of 0"),
    ],
)
def test_a_planted_fault_of_a_case(hub: tuple[Planted, Oracle], spoil: str, words: str) -> None:
    planted, oracle = hub
    planted.run(spoil)
    assert any(words in fault for fault in oracle.judge(planted.truth).cases)


def test_planted_faults_of_pictures(hub: tuple[Planted, Oracle], tmp_path: Path) -> None:
    planted, oracle = hub
    planted.run(f"INSERT INTO case_evidence VALUES ('{SHA}')")  # noqa: S608
    assert oracle.judge(planted.truth).pictures == [f"{SHA} is neither here nor on its box"]
    planted.run(f"INSERT INTO media VALUES ('{SHA}')")  # noqa: S608
    assert oracle.judge(planted.truth).pictures == [f"{SHA} has a row and no file"]
    file = tmp_path / "media" / SHA[:2] / SHA
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not that picture")
    assert oracle.judge(planted.truth).pictures == [f"{SHA} has other bytes"]


def test_planted_faults_of_the_sums(hub: tuple[Planted, Oracle]) -> None:
    planted, oracle = hub
    boxes = Boxes()
    boxes.milestones.update(born=3, acked=3)
    assert not oracle.judge(planted.truth, boxes).faults
    boxes.milestones.update(born=1)
    assert len(oracle.judge(planted.truth, boxes).sums) == 2, "born is neither what was noted nor what became of it"


def test_notes_stand_around_the_commit_and_a_torn_line_is_none(tmp_path: Path) -> None:
    path = tmp_path / "births"
    births = Births(path)
    outbox = NotedOutbox(tmp_path / "outbox.sqlite", ManualClock(), births)
    body = {"edge_id": "box-a", "body": {"incident_id": str(new_id()), "phase": "open"}}
    topic = "tr/v1/box-a/event"
    event = NewEvent(new_id(), new_id(), 1, topic, json.dumps(body).encode(), 0, ManualClock().now())
    outbox.append(event, [picture(b"jpeg")])
    with pytest.raises(OutboxError, match="UNIQUE"):
        outbox.append(event)
    outbox.close()
    births.close()
    path.write_bytes(path.read_bytes() + b'{"note": "bo')
    Births(path).close()
    notes = [json.loads(line)["note"] for line in path.read_text(encoding="utf-8").splitlines()[:3]]
    assert notes == ["intent", "born", "intent"]
    truth = Truth.read([path])
    assert truth.born == {plain(event.event_id)} == set(truth.intents)
