"""One box sends far more than the hub takes and waits for no answer: its neighbours go on, and nothing is lost."""

import asyncio
import re
import time
from pathlib import Path

import httpx
import pytest

from hub.commands import provision_edge
from hub.settings import load_settings
from mqtt.envelope import encode
from mqtt.messages import Phase
from mqtt.topic import Channel, Topic
from tests.fault.test_bad_messages import truth_of
from tests.hub_messages import BoxVoice, new_id
from tests.lab.brokers import guarded_mosquitto
from tests.lab.ear import Ears, percentile
from tests.lab.effort import rounds
from tests.lab.fleet_site import HUB_PASSWORD, FleetSite
from tests.lab.wire import Wire

FLOODER = "flooder"
NEIGHBOURS = [f"calm-{number}" for number in range(20)]
NEIGHBOURS_RATE = 5 * len(NEIGHBOURS)
FLOOD_RATE = 2000
FLOOD = FLOOD_RATE * rounds(full=30, brief=2)
CALM = 100 * rounds(full=30, brief=3)


class Flood(Wire):
    """A box that neither waits for the hub nor for the broker."""

    def pour(self, messages: list[tuple[str, bytes]]) -> float:
        """Publish all at the flood's rate; returns the seconds until the broker had taken the last."""
        begun = time.monotonic()
        for number, (topic, payload) in enumerate(messages):
            if (early := number / FLOOD_RATE - (time.monotonic() - begun)) > 0:
                time.sleep(early)
            last = self._client.publish(topic, payload, 1)
        last.wait_for_publish(60)
        return time.monotonic() - begun


def site_of_many(folder: Path) -> FleetSite:
    """A site with 21 boxes, provisioned in this process: a process for each would take half a minute."""
    site = FleetSite(folder, [FLOODER])
    settings = load_settings(site.hub.settings_path)
    for edge_id in NEIGHBOURS:
        site.tokens[edge_id] = asyncio.run(provision_edge(settings, edge_id, None)).get_secret_value()
    site.edges = (FLOODER, *NEIGHBOURS)
    site.broker = guarded_mosquitto(folder, {"hub": HUB_PASSWORD} | site.tokens, site.broker.port)
    return site


def held_back(site: FleetSite) -> dict[str, int]:
    """Which boxes the hub says that it holds back, and how many of their messages it let go."""
    text = httpx.get(f"{site.hub.url}/metrics").text
    found = re.findall(r'^tianrui_hub_ingest_held_back\{edge_id="(.+)"\} (\S+)$', text, re.MULTILINE)
    return {edge_id: int(float(number)) for edge_id, number in found}


@pytest.mark.timeout(300)
def test_a_flood_of_one_box_holds_up_no_other_and_loses_nothing(tmp_path: Path) -> None:
    site = site_of_many(tmp_path)
    voice = BoxVoice(FLOODER)
    incidents = [new_id() for _ in range(FLOOD // len(Phase))]
    envelopes = [voice.finding(incident, phase) for incident in incidents for phase in Phase]
    flood = {str(envelope.event_id): encode(envelope) for envelope in envelopes}
    topic = str(Topic(FLOODER, Channel.EVENT))
    neighbours = {edge_id: site.tokens[edge_id] for edge_id in NEIGHBOURS}
    with site.running(), site.fleet(edges=NEIGHBOURS, rate=NEIGHBOURS_RATE, pictures=None) as fleet:
        with Ears(site.broker.port, neighbours) as ears, Flood(site.broker.port, FLOODER, site.tokens[FLOODER]) as wire:
            site.wait_for_stored(NEIGHBOURS_RATE)
            ears.since_last()
            site.wait_for_stored(CALM)
            calm = ears.since_last()
            begun = time.monotonic()
            poured_s = wire.pour([(topic, payload) for payload in flood.values()])
            offered, let_go = len(flood) / poured_s, held_back(site)
            while unsettled := flood.keys() - set(wire.settled):
                # As a box does: what was not answered goes out again.
                wire.send([(topic, flood[event_id]) for event_id in flood if event_id in unsettled])
            flooded_s = time.monotonic() - begun
            flooded = ears.since_last()
            assert not wire.refused
        fleet.stop()
        site.drain(edges=NEIGHBOURS)
        truth, flood_truth = site.truth(), truth_of(envelopes)
        truth.born |= flood_truth.born
        truth.intents |= flood_truth.intents
        verdict = site.oracle.judge(truth)
    p99 = {"calm": percentile(calm, 0.99), "flooded": percentile(flooded, 0.99)}
    print(f"offered {offered:.0f}/s, all settled after {flooded_s:.1f} s, held back {let_go}, neighbours' p99 {p99} s")
    assert offered > FLOOD_RATE / 2, "there was a flood"
    assert let_go.keys() == {FLOODER}
    # In one queue for all the neighbours' events would wait as long as those of the flood.
    assert p99["flooded"] < flooded_s / 4
    assert not verdict.faults, verdict
    assert verdict.stored > len(flood)
