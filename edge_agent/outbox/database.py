"""Opens the outbox's SQLite file: checked, at the known schema version, and a damaged one moved aside."""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.errors import OutboxError

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 3
BUSY_TIMEOUT_S = 0.5
# Measured: with SQLite's 1000 pages the log's checkpoint eats the whole ballast, and a full disk cannot be settled.
CHECKPOINT_PAGES = 64
SCHEMA = """
CREATE TABLE boot (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id TEXT NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL CHECK (last_seq >= 0)
) STRICT;
CREATE TABLE event (
    event_id TEXT PRIMARY KEY NOT NULL,
    boot INTEGER NOT NULL REFERENCES boot (ordinal),
    seq INTEGER NOT NULL CHECK (seq > 0),
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    checksum TEXT NOT NULL,
    urgent INTEGER NOT NULL CHECK (urgent IN (0, 1)),
    sheddable INTEGER NOT NULL CHECK (sheddable IN (0, 1)),
    born_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    retry_at REAL,
    UNIQUE (boot, seq)
) STRICT;
CREATE INDEX event_order ON event (urgent DESC, boot, seq);
CREATE INDEX event_retry ON event (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX event_sent ON event (urgent, retry_at) WHERE state = 'sent';
CREATE TABLE picture (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    taken_at TEXT NOT NULL,
    severe INTEGER NOT NULL CHECK (severe IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused', 'shed')),
    reason TEXT
) STRICT;
CREATE INDEX picture_state ON picture (state, ordinal);
CREATE TABLE refused (
    event_id TEXT PRIMARY KEY NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    born_at TEXT NOT NULL,
    refused_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE incident (
    incident_id TEXT PRIMARY KEY NOT NULL,
    camera_id TEXT NOT NULL,
    zone_id TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    finding TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    x1 REAL,
    y1 REAL,
    x2 REAL,
    y2 REAL
) STRICT;
CREATE TABLE milestone (name TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL CHECK (n >= 0)) STRICT;
INSERT INTO milestone (name, n) VALUES ('born', 0), ('acked', 0), ('refused', 0), ('shed', 0);
"""
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SUFFIXES = ("", "-wal", "-journal")


class DamageError(Exception):
    """A file that is not a whole outbox; the text says how that was seen."""


def open_database(path: Path, clock: Clock) -> tuple[sqlite3.Connection, str | None]:
    """Open the outbox at `path`; the text is None, or says why an older file was moved aside and to which name.

    Raises:
        OutboxError: the folder cannot be written, another process holds the file, or newer software wrote it.
    """
    with translated(f"opening {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path), None
        except DamageError as damage:
            seen = str(damage)
        aside = _move_aside(path, clock)
        report = f"outbox {path} cannot be used ({seen}); it was kept as {aside.name} and a new one was started"
        logger.error("%s", report)
        return _connect(path), report


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what SQLite and the file system say into an OutboxError that names what was being done.

    Raises:
        OutboxError: with the cause in words and, for a full disk, what to do.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        hint = {
            "SQLITE_FULL": "the disk is full: free some space, nothing was half-written",
            "SQLITE_BUSY": "another process has this outbox open: stop the other agent",
        }.get(name, str(error))
        msg = f"outbox: {doing} failed: {hint} ({name})"
        raise OutboxError(msg) from error
    except OSError as error:
        msg = f"outbox: {doing} failed: {error.strerror or error}"
        raise OutboxError(msg) from error


def _connect(path: Path) -> sqlite3.Connection:
    existed = path.exists()
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = _lenient_text
    try:
        _prepare(connection, path, existed)
    except sqlite3.DatabaseError as error:
        connection.close()
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE:
            raise DamageError(str(error)) from error
        raise
    except (DamageError, OutboxError):
        connection.close()
        raise
    return connection


def _lenient_text(text: bytes) -> str:
    return text.decode(errors="replace")


def _prepare(connection: sqlite3.Connection, path: Path, existed: bool) -> None:
    # Exclusive: a second agent on the same folder is refused instead of sending everything twice.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    _check(connection, path, existed)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute("PRAGMA foreign_keys = ON")
    if existed:
        return
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    sync_folder(path.parent)


def _check(connection: sqlite3.Connection, path: Path, existed: bool) -> None:
    # quick_check would miss a flipped bit in a key, which then cannot be deleted (measured: SQLITE_CORRUPT on DELETE).
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DamageError(str(verdict))
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        msg = (
            f"outbox {path} has schema {version}, this software knows {SCHEMA_VERSION}: start the newer software again"
        )
        raise OutboxError(msg)
    if existed and version < SCHEMA_VERSION:
        held = f"an outbox of schema {version}, from before the first release" if version else "no outbox"
        msg = f"it holds {held}"
        raise DamageError(msg)


def _move_aside(path: Path, clock: Clock) -> Path:
    stamp = clock.now().strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in _SUFFIXES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    return aside


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
