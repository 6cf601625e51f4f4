"""Messages that come ten times, in any order, or mutated: each good one counts once, each bad one has its reason."""

import hashlib
import random
import time
from pathlib import Path

import pytest

from mqtt.envelope import Envelope, decode, encode
from mqtt.errors import MessageError
from mqtt.messages import Phase
from mqtt.topic import Channel, Topic
from tests.hub_messages import BoxVoice, new_id
from tests.lab.ear import Ears, percentile
from tests.lab.fleet_site import FleetSite
from tests.lab.oracle import Truth, plain
from tests.lab.wire import Wire

TIMES = 10
INCIDENTS = 100
MUTATIONS = 100_000
LIVE_MUTATIONS = 3_000
CALM = 100
SEED = 13


def findings(edge_id: str) -> list[Envelope]:
    voice = BoxVoice(edge_id)
    incidents = [new_id() for _ in range(INCIDENTS)]
    return [voice.finding(incident, phase) for incident in incidents for phase in Phase]


def truth_of(envelopes: list[Envelope]) -> Truth:
    truth = Truth(born={plain(envelope.event_id) for envelope in envelopes})
    for envelope in envelopes:
        note = envelope.model_dump(mode="json")
        incident = {name: note["body"][name] for name in ("incident_id", "phase")}
        truth.intents[plain(envelope.event_id)] = note | incident
    return truth


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """The payload with one to four bytes changed, taken out, put in, or a piece of it said twice or left out."""
    data = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(5)
        if kind == 0 and data:
            data[at] = chance.randrange(256)
        elif kind == 1 and data:
            del data[at]
        elif kind == 2:
            data.insert(at, chance.randrange(256))
        elif kind == 3:
            data[at:at] = data[at : at + chance.randint(1, 40)]
        else:
            del data[at : at + chance.randint(1, 40)]
    return bytes(data)


def test_a_hundred_thousand_mutations_are_read_or_refused_with_a_reason() -> None:
    chance = random.Random(SEED)
    samples = [encode(envelope) for envelope in findings("box-a")[:30]]
    refused = 0
    for _ in range(MUTATIONS):
        payload = mutated(chance.choice(samples), chance)
        try:
            decode(payload, Envelope)
        except MessageError as error:
            refused += bool(error.reason and error.detail)
    assert refused > MUTATIONS / 2, "the mutations hurt"


@pytest.mark.timeout(180)
def test_ten_times_in_any_order_is_once(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    site = FleetSite(tmp_path, ["box-a"])
    envelopes = findings("box-a")
    messages = [(str(Topic("box-a", Channel.EVENT)), encode(envelope)) for envelope in envelopes] * TIMES
    chance.shuffle(messages)
    with site.running():
        with Wire(site.broker.port, "box-a", site.tokens["box-a"]) as wire:
            wire.send(messages)
            assert len(wire.settled) == len(messages), "each delivery is answered"
            assert set(wire.settled) == {str(envelope.event_id) for envelope in envelopes}
            assert not wire.refused
        verdict = site.oracle.judge(truth_of(envelopes))
    assert verdict.stored == len(envelopes)
    assert not verdict.lost + verdict.double + verdict.phantom + verdict.cases, verdict


@pytest.mark.timeout(180)
def test_poison_on_the_live_topic_hurts_no_neighbour(tmp_path: Path) -> None:
    chance = random.Random(SEED + 1)
    site = FleetSite(tmp_path, ["box-a", "box-b"])
    samples = [encode(envelope) for envelope in findings("box-b")]
    poison = [mutated(chance.choice(samples), chance) for _ in range(LIVE_MUTATIONS)]
    poison = [payload for payload in poison if unreadable(payload)]
    with site.running(), site.fleet(edges=["box-a"], rate=50) as fleet:
        with Ears(site.broker.port, {"box-a": site.tokens["box-a"]}) as ears:
            site.wait_for_stored(CALM)
            calm = ears.since_last()
            begun = time.monotonic()
            with Wire(site.broker.port, "box-b", site.tokens["box-b"]) as wire:
                wire.send([(str(Topic("box-b", Channel.EVENT)), payload) for payload in poison])
                assert len(wire.refused) == len(poison), "each poison is refused"
            poisoned_s = time.monotonic() - begun
            poisoned = ears.since_last()
        assert site.hub.running
        fleet.stop()
        site.drain(edges=["box-a"])
        verdict = site.judge()
        letters = site.oracle.rows("SELECT reason, detail, sum(times) FROM dead_letter GROUP BY reason, detail")
    assert set(wire.refused) == {hashlib.sha256(payload).hexdigest() for payload in poison}
    assert sum(int(times) for _, _, times in letters) == len(poison) > LIVE_MUTATIONS / 2
    assert all(reason and detail for reason, detail, _ in letters)
    assert not verdict.faults, verdict
    p99 = {"calm": percentile(calm, 0.99), "poisoned": percentile(poisoned, 0.99)}
    print(f"{len(poison)} poison messages in {poisoned_s:.1f} s, the neighbour's p99 {p99} s")
    assert p99["poisoned"] < poisoned_s / 4, "no event of the neighbour waits for the poison that came before it"


def unreadable(payload: bytes) -> bool:
    try:
        decode(payload, Envelope)
    except MessageError:
        return True
    return False
