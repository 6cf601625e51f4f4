"""The floors of the disk budget: in their order, each shedding told to the hub, and what is told is what went."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.evidence.store import EvidenceStore
from edge_agent.outbox.budget import DiskBudget, DiskLimits
from edge_agent.outbox.emitter import Emitter
from edge_agent.outbox.shedding import BATCH
from edge_agent.outbox.store import Outbox
from edge_agent.types import StoredPicture
from mqtt.envelope import Envelope, decode
from mqtt.messages import FindingBody, ShedBody
from tests.lab.processes import wait_until
from tests.unit.edge_agent.outbox.builders import BOOT, IDS, START, ManualClock, dead_letters, event, finding

PICTURE = 4096
PLENTY = 10**12


class Site:
    """A box whose disk says what the test wants, with pictures of exactly one block."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(folder / "outbox.sqlite", ManualClock())
        self.emitter = Emitter(self.outbox, "box-1", BOOT, ManualClock(), IDS)
        self.store = EvidenceStore(folder / "evidence")
        self.free = PLENTY
        self.number = 0

    def budget(self, budget: int = PLENTY, reserve: int = 0) -> DiskBudget:
        return DiskBudget(self.emitter, self.outbox, self.store, DiskLimits(budget, reserve), lambda: self.free)

    def take(self, severity: int, count: int = 1) -> list[str]:
        names = []
        for _ in range(count):
            self.number += 1
            jpeg = self.number.to_bytes(4, "big") * (PICTURE // 4)
            stored = self.store.put(jpeg, 4, 3, START)
            self.emitter.emit(finding(level=severity), None, severity, [stored])
            names.append(stored.sha256)
        return names

    def on_disk(self) -> set[str]:
        return {path.stem for path in self.store._folder.rglob("*.jpg")}

    def told(self) -> list[ShedBody]:
        bodies = (decode(due.payload, Envelope).body for due in self.outbox.due(10_000, 10_000))
        return sorted((body for body in bodies if isinstance(body, ShedBody)), key=lambda body: body.what)

    def levels(self) -> list[int | None]:
        bodies = (decode(due.payload, Envelope).body for due in self.outbox.due(10_000, 10_000))
        return [body.level for body in bodies if isinstance(body, FindingBody)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.outbox.close()


def test_with_room_nothing_goes(site: Site) -> None:
    names = site.take(1, 3)
    budget = site.budget()
    budget.check()
    assert budget.previews_allowed
    assert (site.on_disk(), site.told()) == (set(names), [])


def test_previews_rest_before_anything_is_shed_and_come_back(site: Site) -> None:
    names = site.take(1)
    budget = site.budget(reserve=1_000_000)
    site.free = 1_050_000
    budget.check()
    assert not budget.previews_allowed
    assert (site.on_disk(), site.told()) == (set(names), [])
    site.free = PLENTY
    budget.check()
    assert budget.previews_allowed


def test_over_the_budget_the_oldest_pictures_of_ordinary_findings_go_first(site: Site) -> None:
    severe = site.take(4, 2)
    ordinary = site.take(2, 4)
    budget = site.budget()
    used = budget.use().used
    # 5 % under the budget is where shedding ends: two pictures have to go.
    budget = site.budget(budget=int((used - 1.5 * PICTURE) / 0.95))
    budget.check()
    assert site.on_disk() == {*severe, *ordinary[2:]}
    (told,) = site.told()
    assert (told.what, told.count, told.bytes, told.severe, told.reason) == (
        "pictures",
        2,
        2 * PICTURE,
        False,
        "over_budget",
    )
    assert list(told.pictures) == ordinary[:2]
    assert site.outbox.pictures.pending(10) == [*severe, *ordinary[2:]]
    assert not site.outbox.pictures.names(ordinary[0])
    assert site.outbox.counts().shed == 0


def test_pictures_of_severe_findings_follow_and_events_stay_while_the_disk_has_room_for_them(site: Site) -> None:
    names = [*site.take(3, 2), *site.take(1, 2)]
    site.free = 500_000
    site.budget(reserve=1_000_000).check()
    assert site.on_disk() == set()
    told = site.told()
    assert {(body.severe, body.reason, body.pictures) for body in told} == {
        (False, "disk_short", tuple(names[2:])),
        (True, "disk_short", tuple(names[:2])),
    }
    assert sorted(filter(None, site.levels())) == [1, 1, 3, 3]


def test_events_go_last_ordinary_ones_first_and_what_tells_of_it_stays(site: Site) -> None:
    site.take(4, 1)
    site.take(1, 3)
    site.free = -10_000_000
    site.budget(reserve=1_000_000).check()
    assert site.levels() == []
    counts = site.outbox.counts()
    assert (counts.shed, counts.born, counts.kept) == (4, 8, 4)
    assert counts.adds_up
    shed = [body for body in site.told() if body.what == "events"]
    assert [(body.severe, body.count) for body in shed] == [(False, 3), (True, 1)]
    assert [(r.boot_id, r.first, r.last) for body in shed for r in body.events] == [(BOOT, 2, 4), (BOOT, 1, 1)]
    site.budget(reserve=1_000_000).check()
    assert site.outbox.counts() == counts


def test_dead_letters_go_before_events(site: Site) -> None:
    site.emitter.emit(finding(), None, 1)
    refused = event(7, boot=UUID(int=7))
    site.outbox.append(refused)
    site.outbox.refuse(refused.event_id, "invalid", "because")
    site.free = 999
    site.budget(reserve=32_000).check()
    assert dead_letters(site.outbox) == []
    assert (site.levels(), site.told()) == ([1], [])
    assert site.outbox.counts().adds_up


def test_refused_pictures_go_before_those_that_the_hub_may_still_take(site: Site) -> None:
    first, second = site.take(1, 2)
    site.outbox.pictures.refuse(second, "too large")
    site.emitter.shed_pictures(severe=False, need=1, reason="over_budget")
    assert site.outbox.pictures.pending(10) == [first]


def test_one_message_names_all_that_it_tells_of(site: Site) -> None:
    for number in range(BATCH + 10):
        jpeg = StoredPicture(f"{number:064x}", 1, 4, 3, START)
        site.emitter.emit(finding(), None, 1, [jpeg])
    site.budget()._shed_pictures(10_000, "over_budget")
    assert sorted(len(body.pictures) for body in site.told()) == [10, BATCH]


def test_an_upload_that_ends_after_its_picture_was_shed_changes_nothing(site: Site) -> None:
    (name,) = site.take(1)
    assert site.emitter.shed_pictures(severe=False, need=1, reason="over_budget") is not None
    assert not site.outbox.pictures.refuse(name, "not there")
    site.outbox.pictures.mark_uploaded(name)
    assert site.outbox.pictures.done(10) == [name]


def test_a_disk_with_nothing_left_to_let_go_of_is_complained_of_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.free = 0
    budget = site.budget(reserve=1_000_000)
    budget.check()
    budget.check()
    assert caplog.text.count("nothing left to let go of") == 1


def test_the_thread_checks_at_once_and_outlives_a_disk_that_cannot_be_read(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    budget = site.budget()
    site.store.used_bytes = lambda: (_ for _ in ()).throw(OSError("I/O error"))  # type: ignore[method-assign]
    budget.start()
    wait_until(lambda: "I/O error" in caplog.text, "it was told")
    assert budget.stop()
