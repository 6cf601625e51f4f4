"""Boxes of an older, this and a newer version beside one hub: all is taken, or refused with a reason and kept."""

import json
from pathlib import Path

import pytest

from mqtt.envelope import Envelope, decode, encode
from mqtt.messages import FindingBody
from mqtt.topic import Channel, Topic
from tests.contract.golden import SAMPLES, model_of
from tests.hub_messages import BoxVoice, new_id
from tests.lab.fleet_site import FleetSite
from tests.lab.wire import Wire

OLD, NOW, NEXT = "box-old", "box-now", "box-next"


def frozen_findings() -> list[bytes]:
    """What boxes of each older version sent, under the name of the old box."""
    payloads = []
    for path in SAMPLES:
        if model_of(path) is not Envelope or not isinstance(decode(path.read_bytes(), Envelope).body, FindingBody):
            continue
        document = json.loads(path.read_bytes())
        payloads.append(json.dumps(document | {"edge_id": OLD, "event_id": str(new_id())}).encode())
    return payloads


def newer(**changes: object) -> bytes:
    """What this version does not know: another field, or another number of the version."""
    document = json.loads(encode(BoxVoice(NEXT).finding(new_id())))
    return json.dumps(document | changes).encode()


@pytest.mark.timeout(120)
def test_no_version_of_a_box_loses_anything_at_this_hub(tmp_path: Path) -> None:
    site = FleetSite(tmp_path, [OLD, NOW, NEXT])
    old, now = frozen_findings(), [encode(BoxVoice(NOW).finding(new_id()))]
    assert old
    unknown = [newer(mood="bright"), newer(v=2), newer(v=2, mood="bright")]
    with site.running():
        for edge, payloads, settled, refused in ((OLD, old, len(old), 0), (NOW, now, 1, 0), (NEXT, unknown, 0, 3)):
            with Wire(site.broker.port, edge, site.tokens[edge]) as wire:
                wire.send([(str(Topic(edge, Channel.EVENT)), payload) for payload in payloads])
                assert (len(wire.settled), len(wire.refused)) == (settled, refused), edge
        letters = site.oracle.rows("SELECT payload, reason, detail FROM dead_letter")
        stored = site.stored()
    assert stored == len(old) + len(now)
    assert {bytes(payload) for payload, _, _ in letters} == set(unknown), "each lies there whole"
    assert all(reason and detail for _, reason, detail in letters)
