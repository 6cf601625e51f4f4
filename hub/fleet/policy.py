"""What a state message says about a box, given what is known of it: birth, health and death, and which count."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.fleet.models import CameraRow, EdgeRow
from mqtt.envelope import Envelope
from mqtt.states import BirthBody, CameraStatus, DeathBody, HealthBody

SILENCE = timedelta(seconds=45)
"""A box that was not heard of for so long is shown as offline."""
LAG = timedelta(minutes=2)
"""How late a replica may be with a state; what seems older than that comes from a clock that was set back."""


@dataclass(frozen=True, slots=True)
class StateMessage:
    """A birth, health or death; `retained` when the broker had kept it, so that it may be old."""

    envelope: Envelope
    body: BirthBody | HealthBody | DeathBody
    retained: bool

    def heard_at(self, now: datetime) -> datetime:
        """When the box was alive to say this: now, or for a kept message when it says that it was sent."""
        return min(now, self.envelope.emitted_at) if self.retained else now


def counts(row: EdgeRow | None, message: StateMessage) -> bool:
    """Whether the message is news; an old boot's will cannot kill a new boot, and nothing counts twice.

    A boot that was replaced stays replaced, whatever the clocks say: after a power cut a box may wake up in the past.
    """
    if row is None:
        return True
    envelope = message.envelope
    if isinstance(message.body, DeathBody):
        return envelope.boot_id == row.boot_id and row.online
    if envelope.boot_id == row.boot_id:
        if envelope.seq != row.state_seq:
            return envelope.seq > row.state_seq
        # The seq of a state is the number of events of its boot so far, so that many states may share one.
        late = row.state_emitted_at is not None and timedelta() < row.state_emitted_at - envelope.emitted_at <= LAG
        return not late and envelope.event_id != row.state_event_id
    return envelope.boot_id != row.previous_boot_id


def apply_to_edge(row: EdgeRow, message: StateMessage, now: datetime) -> None:
    """Let the row of the box become what a message that counts says."""
    envelope, body = message.envelope, message.body
    heard_at = message.heard_at(now)
    online = not isinstance(body, DeathBody)
    reborn = row.boot_id != envelope.boot_id
    if reborn:
        row.previous_boot_id = row.boot_id
        row.boot_id = envelope.boot_id
        row.state_seq = envelope.seq
        row.state_event_id = None
        row.state_emitted_at = None
    if reborn or row.online != online:
        row.since = heard_at
    row.online = online
    if isinstance(body, DeathBody):
        return
    row.state_seq = envelope.seq
    row.state_event_id = envelope.event_id
    row.state_emitted_at = envelope.emitted_at
    row.last_seen_at = max(row.last_seen_at, heard_at)
    row.clock_offset_ms = envelope.clock.offset_ms
    row.outbox = body.outbox.model_dump()
    if isinstance(body, BirthBody):
        row.software = body.software


def first_seen(message: StateMessage, now: datetime) -> EdgeRow:
    """The row of a box that was never heard of before, to which the message is still to be applied."""
    return EdgeRow(
        edge_id=message.envelope.edge_id,
        boot_id=message.envelope.boot_id,
        previous_boot_id=None,
        state_seq=message.envelope.seq,
        online=False,
        since=message.heard_at(now),
        last_seen_at=message.heard_at(now),
    )


def apply_to_camera(row: CameraRow, status: CameraStatus) -> bool:
    """Let the row of a camera become what its box says; True when a viewer has to be told.

    A new snapshot is no news: 2,000 cameras would make 200 events a second for each viewer, and the page asks anyway.
    """
    before = (row.present, row.state, row.reason, row.name_zh, row.name_en, row.grid_code)
    row.present = True
    row.name_zh = status.name_zh
    row.name_en = status.name_en
    row.grid_code = status.grid_code
    row.state = status.state
    row.since = status.since
    row.reason = status.reason
    row.last_frame_at = status.last_frame_at
    row.fps = status.fps
    picture = status.snapshot
    if picture is not None:
        row.snapshot_sha256 = picture.sha256
        row.snapshot_taken_at = picture.taken_at
        row.snapshot_width = picture.width
        row.snapshot_height = picture.height
    return before != (row.present, row.state, row.reason, row.name_zh, row.name_en, row.grid_code)


def is_online(row: EdgeRow, now: datetime) -> bool:
    """Whether the box is to be shown as online."""
    return row.online and now - row.last_seen_at <= SILENCE


def state_since(row: EdgeRow, now: datetime) -> datetime:
    """Since when the box is what it is shown as; a silent one since it was last heard of."""
    return row.last_seen_at if row.online and not is_online(row, now) else row.since
