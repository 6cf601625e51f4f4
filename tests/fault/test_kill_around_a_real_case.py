"""A real agent on real video while hub and broker are killed: one van is one case, whoever dies."""

from pathlib import Path

import pytest

from tests.lab.processes import wait_until
from tests.lab.site import FirstLight, items

PARKING = "/api/v1/cases?item=illegal_parking"


@pytest.fixture
def site(tmp_path: Path, vtest_path: Path) -> FirstLight:
    return FirstLight(tmp_path, {"kind": "file", "path": str(vtest_path), "loop": True})


@pytest.mark.needs_assets
@pytest.mark.timeout(300)
def test_a_case_born_while_hub_and_broker_are_dead_comes_when_they_are_back_and_outlives_its_box(
    site: FirstLight,
) -> None:
    with site.hub, site.administrator() as client, site.agent as agent:
        agent.wait_for_log("box box-demo looks at 1 cameras")
        site.hub.kill()
        agent.wait_for_log("illegal_parking open", 90)
        wait_until(lambda: agent.outbox().get("born", 0) > 0, "the event is born")
        assert agent.outbox()["acked"] == 0, "nobody was there to acknowledge"
        site.hub.start()
        wait_until(lambda: items(client, PARKING), "the case arrives", 60)
        wait_until(lambda: (o := agent.outbox())["acked"] == o["born"], "everything is acknowledged", 60)
        case = items(client, PARKING)[0]
        evidence = f"/api/v1/cases/{case['case_no']}"
        wait_until(lambda: stored(client.get(evidence).json()), "the pictures arrive", 60)
        agent.kill()
        assert not agent.running
        version = items(client, PARKING)[0]["version"]
        agent.start()
        wait_until(lambda: items(client, PARKING)[0]["version"] > version, "the case goes on", 90)
        assert len(items(client, PARKING)) == 1


def stored(case: dict[str, list[dict[str, str]]]) -> bool:
    return [evidence["state"] for evidence in case["evidence"]] == ["stored", "stored"]
