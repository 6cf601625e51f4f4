"""Carries pictures to the hub over HTTP: evidence until the hub has it, and snapshots that may be lost."""

import hashlib
import logging
import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Literal, Protocol

import httpx
from pydantic import SecretStr

from edge_agent.clock import Clock
from edge_agent.errors import EdgeError, EvidenceError
from edge_agent.evidence.store import EvidenceStore
from edge_agent.evidence.stubborn import Stubborn
from edge_agent.types import StoredPicture
from mqtt.connection import Backoff

logger = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(15.0, connect=5.0)
LOUD_EVERY_S = 300.0
BATCH = 16


Purpose = Literal["evidence", "snapshot"]


class PictureQueue(Protocol):
    """Which pictures still have to go to the hub; each method may raise EdgeError when its disk fails."""

    def pending(self, limit: int) -> list[str]:
        """The SHA-256 of pictures that the hub does not have, oldest first."""
        ...

    def done(self, limit: int) -> list[str]:
        """The SHA-256 of pictures that nobody needs and whose file may still be here."""
        ...

    def mark_uploaded(self, sha256: str) -> None:
        """Note that the hub has the picture."""
        ...

    def forget(self, sha256: str) -> None:
        """Let go of a picture that is done and whose file is gone."""
        ...

    def refuse(self, sha256: str, reason: str) -> bool:
        """Note that the picture will never be taken; False when it does not wait any more."""
        ...


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """`retry` spaces the tries after a fault of the hub or the network, `locked_out` those after a refused token.

    `aside` spaces those of a picture that failed three times in a row while others go on.
    """

    retry: Backoff = field(default_factory=lambda: Backoff(shortest_s=0.5, longest_s=60.0))
    locked_out: Backoff = field(default_factory=lambda: Backoff(shortest_s=30.0, longest_s=300.0))
    aside: Backoff = field(default_factory=lambda: Backoff(shortest_s=30.0, longest_s=900.0))


@dataclass(slots=True)
class UploadCounters:
    """What the uploader did since it started."""

    uploaded: int = 0
    refused: int = 0
    failed: int = 0
    snapshots: int = 0
    snapshots_dropped: int = 0


class _Verdict(Enum):
    STORED = auto()
    NEVER = auto()
    UNAUTHORISED = auto()
    LATER = auto()
    UNREACHABLE = auto()


_VERDICTS = (
    dict.fromkeys((200, 201), _Verdict.STORED)
    | dict.fromkeys((400, 413, 415, 422), _Verdict.NEVER)
    | dict.fromkeys((401, 403), _Verdict.UNAUTHORISED)
)


class MediaClient:
    """The hub's picture shelf, `PUT {hub_url}/api/v1/media/{sha256}`; redirects are not followed, the token would leak.

    Raises:
        EvidenceError: the token cannot stand in an HTTP header.
    """

    def __init__(self, hub_url: str, token: SecretStr) -> None:
        secret = token.get_secret_value()
        if not secret.isascii() or not secret.isprintable():
            raise EvidenceError("the box's token has characters that no HTTP header can carry; provision it again")
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "image/jpeg"}
        self._media = f"{hub_url.rstrip('/')}/api/v1/media"
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def put(self, sha256: str, jpeg: bytes, purpose: Purpose = "evidence") -> tuple[_Verdict, str]:
        """Offer a picture to the hub and say what became of it, with the hub's words."""
        params = {} if purpose == "evidence" else {"purpose": purpose}
        try:
            answer = self._client.put(f"{self._media}/{sha256}", params=params, content=jpeg)
        except httpx.HTTPError as error:
            return _Verdict.UNREACHABLE, f"{type(error).__name__}: {error}"
        words = f"HTTP {answer.status_code}: {answer.text[:200]}"
        return _VERDICTS.get(answer.status_code, _Verdict.LATER), words


@dataclass(frozen=True, slots=True)
class _Snapshot:
    picture: StoredPicture
    jpeg: bytes


class Uploader:
    """Two threads: one for evidence, which is sent until the hub has it, one for snapshots, which may be lost.

    Order for one piece of evidence: the hub has it, the row says so, the file goes, the row goes. A crash in between
    costs one more upload or one more delete, never a picture.
    """

    def __init__(
        self,
        client: MediaClient,
        store: EvidenceStore,
        queue: PictureQueue,
        clock: Clock,
        options: UploadOptions | None = None,
    ) -> None:
        self.counters = UploadCounters()
        self._client = client
        self._store = store
        self._queue = queue
        self._clock = clock
        self._options = options or UploadOptions()
        self._stubborn = Stubborn(self._options.aside)
        self._failures = 0
        self._loud_at: float | None = None
        self._stopping = threading.Event()
        self._evidence_wake = threading.Event()
        self._snapshot_wake = threading.Condition()
        self._waiting: dict[str, _Snapshot] = {}
        self._latest: dict[str, StoredPicture] = {}
        self._threads = (
            threading.Thread(target=self._carry_evidence, name="evidence-uploader", daemon=True),
            threading.Thread(target=self._carry_snapshots, name="snapshot-uploader", daemon=True),
        )

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End both threads; what is not uploaded stays in the queue. False when one did not end in time."""
        self._stopping.set()
        self.wake()
        with self._snapshot_wake:
            self._snapshot_wake.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout_s / len(self._threads))
        return not any(thread.is_alive() for thread in self._threads)

    def wake(self) -> None:
        """There may be new evidence in the queue."""
        self._evidence_wake.set()

    def offer(self, camera_id: str, jpeg: bytes, width: int, height: int, taken_at: datetime) -> None:
        """Hand over a camera's newest snapshot (JPEG, masks applied); it replaces one that still waits."""
        picture = StoredPicture(hashlib.sha256(jpeg).hexdigest(), len(jpeg), width, height, taken_at)
        with self._snapshot_wake:
            self.counters.snapshots_dropped += camera_id in self._waiting
            self._waiting[camera_id] = _Snapshot(picture, jpeg)
            self._snapshot_wake.notify_all()

    def latest(self, camera_id: str) -> StoredPicture | None:
        """The newest snapshot of a camera that the hub has, or None."""
        with self._snapshot_wake:
            return self._latest.get(camera_id)

    def carry_some(self) -> float | None:
        """Upload what waits, oldest first, until nothing is left or the hub does not take it.

        Returns the seconds to wait before the next try, None when nothing waits but pictures that are set aside.

        Raises:
            EdgeError: the queue's disk failed.
            OSError: the pictures' disk failed.
        """
        while done := self._queue.done(BATCH):
            for sha256 in done:
                self._let_go(sha256)
        while due := self._due():
            for sha256 in due:
                wait_s = None if self._stopping.is_set() else self._carry(sha256)
                if wait_s is not None or self._stopping.is_set():
                    return wait_s
        return None

    def _due(self) -> list[str]:
        now_s = self._clock.monotonic()
        pending = self._queue.pending(BATCH + len(self._stubborn))
        return [sha256 for sha256 in pending if not self._stubborn.holds(sha256, now_s)]

    def _carry(self, sha256: str) -> float | None:
        try:
            jpeg = self._store.read(sha256)
        except EvidenceError as error:
            self._refuse(sha256, str(error))
            return None
        verdict, words = self._client.put(sha256, jpeg)
        if verdict is _Verdict.STORED:
            self._failures = 0
            self._stubborn.over(sha256)
            self.counters.uploaded += 1
            self._queue.mark_uploaded(sha256)
            self._let_go(sha256)
            return None
        if verdict is _Verdict.NEVER:
            self._refuse(sha256, words)
            return None
        if verdict is _Verdict.LATER:
            self._stubborn.failed(sha256, self._clock.monotonic())
        return self._fail(verdict, words)

    def _let_go(self, sha256: str) -> None:
        self._store.remove(sha256)
        self._queue.forget(sha256)

    def _refuse(self, sha256: str, reason: str) -> None:
        self._stubborn.over(sha256)
        if self._queue.refuse(sha256, reason):
            self.counters.refused += 1
            logger.error("picture %s will never reach the hub and stays on this box: %s", sha256, reason)

    def _fail(self, verdict: _Verdict, words: str) -> float:
        self.counters.failed += 1
        backoff = self._options.locked_out if verdict is _Verdict.UNAUTHORISED else self._options.retry
        wait_s = backoff.delay_s(self._failures)
        self._failures += 1
        now = self._clock.monotonic()
        if self._loud_at is None or now - self._loud_at >= LOUD_EVERY_S:
            self._loud_at = now
            hint = "; check the box's token" if verdict is _Verdict.UNAUTHORISED else ""
            logger.error("the hub does not take pictures, next try in %.1f s: %s%s", wait_s, words, hint)
        return wait_s

    def _carry_evidence(self) -> None:
        while not self._stopping.is_set():
            self._evidence_wake.clear()
            wait_s: float | None
            try:
                wait_s = self.carry_some()
            except (EdgeError, OSError) as error:
                wait_s = self._fail(_Verdict.UNREACHABLE, str(error))
            if wait_s is not None:
                self._stopping.wait(wait_s)
            elif not self._stopping.is_set():
                self._evidence_wake.wait(self._stubborn.wait_s(self._clock.monotonic()))

    def _carry_snapshots(self) -> None:
        failures = 0
        while taken := self._next_snapshot():
            camera_id, snapshot = taken
            verdict, words = self._client.put(snapshot.picture.sha256, snapshot.jpeg, "snapshot")
            if verdict is _Verdict.STORED:
                failures = 0
                with self._snapshot_wake:
                    self.counters.snapshots += 1
                    self._latest[camera_id] = snapshot.picture
                continue
            self.counters.snapshots_dropped += 1
            logger.debug("a snapshot of %s was dropped: %s", camera_id, words)
            self._stopping.wait(self._options.retry.delay_s(failures))
            failures += 1

    def _next_snapshot(self) -> tuple[str, _Snapshot] | None:
        with self._snapshot_wake:
            self._snapshot_wake.wait_for(lambda: self._stopping.is_set() or bool(self._waiting))
            if self._stopping.is_set():
                return None
            camera_id = next(iter(self._waiting))
            return camera_id, self._waiting.pop(camera_id)
