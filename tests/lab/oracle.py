"""Compares what was born, by the boxes' notes, with what the hub holds, by a database connection of its own."""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

Rows = Callable[[str], list[tuple[Any, ...]]]
SHOWN = 5


def plain(identity: object) -> str:
    """A UUID as SQLite, PostgreSQL and JSON agree on: 32 hex digits."""
    return str(identity).replace("-", "")


def sqlite_rows(path: Path) -> Rows:
    """Queries on an SQLite file, each by a new read-only connection."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()

    return rows


def postgres_rows(dsn: str) -> Rows:
    """Queries on PostgreSQL, each by a new connection."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(dsn, connect_timeout=5) as database:
            return database.execute(query.encode()).fetchall()

    return rows


@dataclass(slots=True)
class Truth:
    """What the boxes noted: every event that was about to be kept, and which of them were kept for certain."""

    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    born: set[str] = field(default_factory=set)
    settling: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> "Truth":
        """Read files of `scripts/births.py`; a line that a kill tore is no note."""
        truth = cls()
        for path in paths:
            for line in path.read_bytes().splitlines() if path.exists() else ():
                try:
                    note = json.loads(line)
                except ValueError:
                    continue
                if note["note"] == "intent":
                    truth.intents[plain(note["event_id"])] = note
                elif note["note"] == "born":
                    truth.born.add(plain(note["event_id"]))
                else:
                    truth.settling.add(plain(note["event_id"]))
        return truth


@dataclass(slots=True)
class Boxes:
    """What stopped boxes still hold, by their own files."""

    kept: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    pictures: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    told: list[dict[str, Any]] = field(default_factory=list)
    milestones: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, outboxes: Iterable[Path]) -> "Boxes":
        """Read the outboxes of boxes that do not run."""
        boxes = cls()
        for path in outboxes:
            with closing(sqlite3.connect(path)) as outbox:
                for event_id, payload in outbox.execute("SELECT event_id, payload FROM event"):
                    boxes.kept.add(plain(event_id))
                    boxes.told.append(json.loads(payload)["body"])
                boxes.refused |= {plain(row[0]) for row in outbox.execute("SELECT event_id FROM refused")}
                for sha256, state in outbox.execute("SELECT sha256, state FROM picture"):
                    boxes.pictures.add(sha256)
                    boxes.waiting |= {sha256} if state == "pending" else set()
                boxes.milestones.update(dict(outbox.execute("SELECT name, n FROM milestone").fetchall()))
        return boxes


@dataclass(slots=True)
class Verdict:
    """What is wrong, by kind of fault; `unknown` are kills between commit and note, which are no fault."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    unknown: int = 0
    stored: int = 0
    shed: int = 0

    @property
    def faults(self) -> dict[str, list[str]]:
        """The faults that were found; empty when all is well."""
        kinds = ("lost", "double", "phantom", "cases", "pictures", "sums")
        return {kind: found for kind in kinds if (found := getattr(self, kind))}

    def __str__(self) -> str:
        """The number of each fault and the first few of them."""
        if not self.faults:
            return f"{self.stored} events stored, no fault"
        return "; ".join(f"{kind}: {len(found)}, first {found[:SHOWN]}" for kind, found in self.faults.items())


@dataclass(slots=True)
class Shed:
    """What boxes said, in events of their own, that they let go of for want of room."""

    pictures: set[str] = field(default_factory=set)
    ranges: list[tuple[str, int, int]] = field(default_factory=list)

    def note(self, body: dict[str, Any]) -> None:
        """Take the body of one event; others than of a shedding are passed over."""
        if body.get("kind") == "shed":
            self.pictures |= set(body["pictures"])
            self.ranges += [(plain(each["boot_id"]), each["first"], each["last"]) for each in body["events"]]

    def events_of(self, truth: Truth) -> set[str]:
        """The events, out of those that were noted."""
        return {
            event_id
            for event_id, note in truth.intents.items()
            if any(boot == plain(note["boot_id"]) and first <= note["seq"] <= last for boot, first, last in self.ranges)
        }


class Oracle:
    """Judges a hub: `rows` asks its database, `media` is its folder of pictures."""

    def __init__(self, rows: Rows, media: Path | None = None) -> None:
        self.rows = rows
        self._media = media

    def stored(self) -> int:
        """How many events the hub has committed."""
        return int(self.rows("SELECT count(*) FROM event")[0][0])

    def judge(self, truth: Truth, boxes: Boxes | None = None) -> Verdict:
        """Compare; without `boxes` everything that was born must have reached the hub."""
        held = boxes or Boxes()
        events = Counter(plain(row[0]) for row in self.rows("SELECT event_id FROM event"))
        shed = self._shed(held)
        verdict = Verdict(stored=len(events), shed=len(shed.events_of(truth)))
        verdict.lost = sorted(truth.born - set(events) - held.kept - held.refused - shed.events_of(truth))
        verdict.phantom = sorted(set(events) - set(truth.intents))
        verdict.unknown = len((set(events) | held.kept) - truth.born & set(truth.intents))
        verdict.double = [event_id for event_id, times in events.items() if times > 1] + self._double_effects()
        verdict.cases = self._wrong_cases(truth, set(events))
        if self._media is not None:
            verdict.pictures = self._wrong_pictures(self._media, held.pictures | shed.pictures)
        if boxes is not None:
            verdict.sums = _wrong_sums(truth, boxes, set(events))
        return verdict

    def _shed(self, held: Boxes) -> Shed:
        shed = Shed()
        for (body,) in self.rows("SELECT body FROM event WHERE kind = 'shed'"):
            shed.note(json_column(body))
        for body in held.told:
            shed.note(body)
        return shed

    def _double_effects(self) -> list[str]:
        # An event that comes before the opening of its incident both finds the case and changes it: two actions.
        told = self.rows("SELECT event_id, action FROM case_history WHERE event_id IS NOT NULL")
        steps = Counter(f"{plain(event_id)} {action}" for event_id, action in told)
        deeds = self.rows("SELECT action, detail FROM audit WHERE object_type = 'case'")
        audits = Counter(plain(json_column(detail)["event_id"]) for action, detail in deeds if action != "case_viewed")
        return [
            f"{event_id} has {times} {what}"
            for what, counted in (("history steps", steps), ("audit rows", audits))
            for event_id, times in counted.items()
            if times > 1
        ]

    def _wrong_cases(self, truth: Truth, events: set[str]) -> list[str]:
        told: dict[tuple[str, str], list[str]] = defaultdict(list)
        for event_id in events & set(truth.intents):
            intent = truth.intents[event_id]
            if intent["incident_id"] is not None:
                told[intent["edge_id"], plain(intent["incident_id"])].append(str(intent["phase"]))
        query = "SELECT edge_id, incident_id, version, cleared_at FROM grid_case"
        rows = [(str(edge), plain(incident), version, cleared) for edge, incident, version, cleared in self.rows(query)]
        wrong = [f"{key} has {n} cases" for key, n in Counter((edge, i) for edge, i, *_ in rows).items() if n > 1]
        wrong += [f"{key} has no case" for key in told.keys() - {(edge, incident) for edge, incident, *_ in rows}]
        for edge, incident, version, cleared in rows:
            phases = told.get((edge, incident), [])
            if version != len(phases):
                wrong.append(f"the case of {edge} {incident} took {version} messages of {len(phases)}")
            if (cleared is not None) != ("close" in phases):
                wrong.append(f"the case of {edge} {incident} is cleared: {cleared}, told: {phases}")
        return wrong

    def _wrong_pictures(self, media: Path, held: set[str]) -> list[str]:
        named = {row[0] for row in self.rows("SELECT sha256 FROM case_evidence")}
        rows = {row[0] for row in self.rows("SELECT sha256 FROM media")}
        wrong = [f"{sha256} is neither here nor on its box" for sha256 in named - rows - held]
        for sha256 in rows:
            path = media / sha256[:2] / sha256
            if not path.is_file():
                wrong.append(f"{sha256} has a row and no file")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                wrong.append(f"{sha256} has other bytes")
        return wrong


def json_column(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """A JSON column as SQLite and PostgreSQL give it."""
    document: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return document


def _wrong_sums(truth: Truth, boxes: Boxes, events: set[str]) -> list[str]:
    stones = boxes.milestones
    wrong = []
    happened = truth.born | ((events | boxes.kept | boxes.refused) & set(truth.intents))
    if stones["born"] != len(happened):
        wrong.append(f"the boxes say {stones['born']} were born, the notes say {len(happened)}")
    accounted = stones["acked"] + stones["refused"] + stones["shed"] + len(boxes.kept)
    if stones["born"] != accounted:
        wrong.append(f"born {stones['born']} is not the sum {accounted} of settled, kept, refused and shed")
    settled = happened - boxes.kept - boxes.refused
    if stones["acked"] + stones["shed"] != len(settled):
        wrong.append(f"{stones['acked']} settled and {stones['shed']} shed, the notes say {len(settled)}")
    return wrong


def outboxes_in(folder: Path, edges: Sequence[str]) -> list[Path]:
    """The outboxes of simulated boxes in their folder; one that never began has none."""
    return [path for edge in edges if (path := folder / edge / "outbox.sqlite").exists()]
