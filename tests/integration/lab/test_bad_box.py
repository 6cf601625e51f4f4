"""The bad box of the nemesis: each deed reaches the hub and is seen to, and a dead hub is no proof of any."""

from pathlib import Path

from tests.lab.bad_box import EVENTS, BadBox
from tests.lab.fleet_site import FleetSite
from tests.lab.processes import wait_until


def test_each_deed_proves_itself_by_answers_and_changes_nothing(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, ["box-a"])
    with site.running(), BadBox(site, "box-a") as box:
        assert site.stored() == EVENTS
        site.hub.kill()
        for deed in box.deeds:
            box.do(deed)
            assert not box.is_answered(deed), f"{deed} was answered by a dead hub"
        site.hub.start()
        for deed in box.deeds:
            box.do(deed)
            wait_until(lambda: box.is_answered(deed), f"{deed} is answered", 30)  # noqa: B023
    (letters,) = site.oracle.rows("SELECT count(*) FROM dead_letter")[0]
    verdict = site.judge()
    assert letters == EVENTS
    assert verdict.stored == EVENTS
    assert not verdict.faults, verdict
