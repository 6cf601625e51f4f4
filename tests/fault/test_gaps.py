"""A message gets lost on its way, above what TCP would notice: the hub sees the hole, asks the box, and it closes."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mqtt.messages import ResultBody
from tests.hub_messages import SETTLED, BoxVoice, camera, on_wire
from tests.lab.fleet_site import FleetSite
from tests.lab.processes import wait_until
from tests.lab.wire import Wire

# The promise is 10 s, in which a hole must be 5 s old; on a busy machine a look may come late.
TOLD_WITHIN_S = 20.0


def gaps(site: FleetSite) -> dict[str, float]:
    """How many gaps became what, as the hub counts them."""
    text = httpx.get(f"{site.hub.url}/metrics").text
    return {what: float(n) for what, n in re.findall(r'tianrui_hub_gaps_total\{became="(\w+)"\} (\S+)', text)}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("answer", ["it comes", "it is gone"])
def test_what_gets_lost_on_its_way_is_noticed_and_asked_for(
    answer: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    site = FleetSite(tmp_path, ["box-a"])
    box = BoxVoice("box-a", start=datetime.now(UTC))
    with site.running(), Wire(site.broker.port, "box-a", site.tokens["box-a"]) as wire:
        events = [on_wire(box.reading(float(number))) for number in range(6)]
        missing = events.pop(3)
        wire.throw(*_plain(on_wire(box.health(camera()))))
        lost_at = time.monotonic()
        wire.send([_plain(event) for event in events])
        assert site.stored() == 5, "the fault: five of six arrived, and the sixth is nowhere"
        wait_until(lambda: gaps(site).get("missing") == 1, "the hub says that something is missing", TOLD_WITHIN_S)
        record_property("told_after_s", round(time.monotonic() - lost_at, 1))
        wait_until(lambda: bool(wire.commands), "the hub asks the box for it", TOLD_WITHIN_S)
        command = wire.commands[0]
        assert command.verb == "resync"
        if answer == "it comes":
            wire.send([_plain(missing)])
            wait_until(lambda: gaps(site).get("arrived") == 1, "the gap is closed", TOLD_WITHIN_S)
            assert site.stored() == 6
            return
        result = ResultBody(command_id=command.command_id, status="done", reason="everything is sent again")
        wire.send([_plain(on_wire(box.say(result)))])
        wire.throw(*_plain(on_wire(box.say(box.health(camera()).body.model_copy(update={"outbox": SETTLED})))))
        wait_until(lambda: gaps(site).get("lost") == 1, "the hub says that it is lost for good", TOLD_WITHIN_S)


def _plain(message: object) -> tuple[str, bytes]:
    return message.topic, message.payload  # type: ignore[attr-defined]
