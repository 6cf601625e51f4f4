"""One place that a judge watches: from first sight through suspicion and opening to its end."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from edge_agent.judge.looks import Presence
from edge_agent.types import Change, Figure, FrameTime, PictureBox, Track, Verdict


class Stage(Enum):
    """How far a spot has come; `SEEN` is known to the judge only."""

    SEEN = "seen"
    SUSPECT = "suspect"
    OPEN = "open"
    OVER = "over"


@dataclass(slots=True)
class Spot:
    """A place and what was observed of it; `box` is where it was first seen, in normalised coordinates."""

    key: str
    box: PictureBox
    since: FrameTime
    presence: Presence = field(default_factory=Presence)
    stage: Stage = Stage.SEEN

    def advance(self, hold_s: float, release_s: float, settle_s: float) -> list[Change]:
        """Move on by what was observed: suspect after `settle_s`, open after `hold_s`, over after `release_s`."""
        if self.presence.away_s >= release_s:
            return self.end()
        changes = []
        if self.stage is Stage.SEEN and self.presence.there_s >= settle_s:
            self.stage = Stage.SUSPECT
            changes.append(Change.SUSPECT)
        if self.stage is Stage.SUSPECT and self.presence.there_s >= hold_s:
            self.stage = Stage.OPEN
            changes.append(Change.OPEN)
        return changes

    def end(self) -> list[Change]:
        """End it: an open incident closes, a suspicion is dismissed, a mere sight ends in silence."""
        ends = {Stage.OPEN: [Change.CLOSE], Stage.SUSPECT: [Change.DISMISS]}
        stage, self.stage = self.stage, Stage.OVER
        return ends.get(stage, [])

    def void(self) -> list[Change]:
        """Nobody looked for so long that only an open incident is still believed."""
        if self.stage is Stage.OPEN:
            self.presence.hidden()
            return []
        return self.end()

    def due_s(self, last_s: float, hold_s: float, settle_s: float) -> float:
        """The time from which a look may decide something here, when `last_s` was the last one."""
        if self.presence.unclear:
            return last_s
        if self.stage is Stage.OPEN:
            return math.inf
        return last_s + (settle_s if self.stage is Stage.SEEN else hold_s) - self.presence.there_s

    def is_covered(self, tracks: Iterable[Track], share: float) -> bool:
        """Whether the box of one of `tracks` covers at least `share` of the place."""
        return any(self.box.share_inside(track.box) >= share for track in tracks)

    def verdict(
        self, change: Change, time: FrameTime, score: float, figures: tuple[Figure, ...], limits: tuple[str, ...]
    ) -> Verdict:
        """What to say about `change`."""
        return Verdict(change, self.key, time, self.since, score, box=self.box, figures=figures, limits=limits)
