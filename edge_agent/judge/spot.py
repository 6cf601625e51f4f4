"""One place that a judge watches: from first sight through suspicion and opening to its end."""

from dataclasses import dataclass
from enum import Enum

from edge_agent.judge.looks import Presence, Step
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
    presence: Presence
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

    def look_away(self, step: Step, tracks: tuple[Track, ...], share: float) -> None:
        """A look without a sight of it: hidden when a track's box covers `share` of the place, else empty."""
        if any(covered(self.box, track.box) >= share for track in tracks):
            self.presence.hidden()
        else:
            self.presence.missed(step)

    def verdict(
        self, change: Change, time: FrameTime, score: float, figures: tuple[Figure, ...], limits: tuple[str, ...]
    ) -> Verdict:
        """What to say about `change`."""
        return Verdict(change, self.key, time, self.since, score, box=self.box, figures=figures, limits=limits)


def covered(box: PictureBox, by: PictureBox) -> float:
    """The share of `box` that lies within `by`, 0..1."""
    width = min(box.x2, by.x2) - max(box.x1, by.x1)
    height = min(box.y2, by.y2) - max(box.y1, by.y1)
    area = (box.x2 - box.x1) * (box.y2 - box.y1)
    if width <= 0 or height <= 0 or area <= 0:
        return 0.0
    return width * height / area
