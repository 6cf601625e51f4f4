"""Batches against real databases: everything once, poison apart, and nothing of a batch that fails."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from hub.audit.models import AuditRow
from hub.auth.models import EdgeCredentialRow
from hub.cases.models import CaseEvidenceRow, CaseHistoryRow, CaseRow
from hub.ingest.consumer import make_handler
from hub.ingest.handler import INTERNAL_ERROR, IngestHandler, Outcome
from hub.ingest.models import DeadLetterRow, EventRow
from hub.ingest.settler import Settler
from hub.state import Hub
from mqtt.connection import Message
from mqtt.envelope import MAX_BYTES
from mqtt.errors import RefusalReason
from mqtt.messages import EvidenceRole, Phase
from tests.hub_fixtures import Admin, FakeClock
from tests.hub_messages import BoxVoice, evidence, new_id, on_wire

EDGE = "edge-1"
EVENTS = f"tr/v1/{EDGE}/event"


@pytest.fixture
async def handler(hub: Hub) -> IngestHandler:
    await hub.auth.provision_edge(EDGE)
    return make_handler(hub)


async def rows(hub: Hub, table: type) -> Sequence:
    async with hub.uow.read() as session:
        return (await session.execute(select(table))).scalars().all()


async def count(hub: Hub, table: type) -> int:
    async with hub.uow.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


def story(box: BoxVoice, incident=None) -> list[Message]:
    incident = incident or new_id()
    return [
        on_wire(box.finding(incident, Phase.OPEN, evidence=(evidence(EvidenceRole.T0, "a" * 64),))),
        on_wire(box.finding(incident, Phase.UPDATE, evidence=(evidence(EvidenceRole.T1, "b" * 64),))),
        on_wire(box.finding(incident, Phase.CLOSE)),
    ]


async def test_ten_times_the_same_is_the_same_as_once(hub: Hub, handler: IngestHandler) -> None:
    messages = [*story(BoxVoice(EDGE)), on_wire(BoxVoice(EDGE).reading())]
    first = await handler.take(messages)
    assert (first.stored, first.duplicates, len(first.settled[EDGE])) == (4, 0, 4)
    before = [(row.case_no, row.version, row.updated_at) for row in await rows(hub, CaseRow)]
    for _ in range(9):
        again = await handler.take(messages)
        assert (again.stored, again.duplicates, again.events) == (0, 4, [])
        assert sorted(again.settled[EDGE]) == sorted(first.settled[EDGE])
    assert [(row.case_no, row.version, row.updated_at) for row in await rows(hub, CaseRow)] == before
    assert await count(hub, EventRow) == 4
    assert await count(hub, CaseHistoryRow) == 3
    assert await count(hub, CaseEvidenceRow) == 2


async def test_any_order_and_any_batches_give_one_case_for_each_incident(hub: Hub, handler: IngestHandler) -> None:
    chance = random.Random(7)
    box = BoxVoice(EDGE)
    stories = [story(box) for _ in range(12)]
    messages = [message for told in stories for message in told] * 2
    chance.shuffle(messages)
    while messages:
        size = chance.randint(1, 9)
        await handler.take(messages[:size])
        del messages[:size]
    cases = await rows(hub, CaseRow)
    assert len(cases) == len(stories)
    assert {(case.version, case.cleared_at is None) for case in cases} == {(3, False)}
    numbers = sorted(case.case_no for case in cases)
    assert numbers == [f"11010220260301A{number:06d}" for number in range(1, 13)]
    async with hub.uow.read() as session:
        deeds = await session.execute(select(AuditRow.action).where(AuditRow.object_type == "case"))
        assert len(deeds.all()) == 36


async def test_the_case_says_what_the_box_said(hub: Hub, handler: IngestHandler) -> None:
    await handler.take(story(BoxVoice(EDGE))[:1])
    (case,) = await rows(hub, CaseRow)
    assert (case.item_key, case.item_code, case.scheme) == ("illegal_parking", "09009", "GBT47678.5-2026")
    assert case.measures == [{"name": "dwell", "value": 61.0, "unit": "s", "threshold": 60.0}]
    assert (case.box, case.limits, case.model_name) == ([0.1, 0.2, 0.3, 0.4], ["night"], "street-n")


async def test_the_day_of_the_number_is_that_of_the_site(hub: Hub, handler: IngestHandler, hub_clock) -> None:
    hub_clock.advance(12.5 * 3600)
    await handler.take(story(BoxVoice(EDGE)))
    (case,) = await rows(hub, CaseRow)
    assert hub.clock.now().strftime("%Y%m%d") == "20260301"
    assert case.case_no.startswith("11010220260302A")


async def test_each_poison_lies_in_the_dead_letters_and_its_neighbours_are_stored(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    await hub.auth.provision_edge("edge-9")
    async with hub.uow.write() as session:
        gone = update(EdgeCredentialRow).where(EdgeCredentialRow.edge_id == "edge-9")
        await session.execute(gone.values(revoked_at=hub.clock.now()))
    good = [message for _ in range(3) for message in story(BoxVoice(EDGE))]
    taken = json.loads(good[0].payload)
    conflicting = taken | {"body": taken["body"] | {"score": 0.1}}
    poison = {
        Message("tr/v1/EDGE/event", b"{}", False): RefusalReason.WRONG_TOPIC,
        Message(EVENTS, b"not json", False): RefusalReason.NOT_JSON,
        Message(EVENTS, b"{}", False): RefusalReason.INVALID,
        Message(EVENTS, b"x" * (MAX_BYTES + 1), False): RefusalReason.TOO_LARGE,
        Message(EVENTS, on_wire(BoxVoice("edge-2").reading()).payload, False): RefusalReason.WRONG_TOPIC,
        on_wire(BoxVoice("edge-8").reading()): RefusalReason.UNKNOWN_EDGE,
        on_wire(BoxVoice("edge-9").reading()): RefusalReason.UNKNOWN_EDGE,
        Message(EVENTS, json.dumps(conflicting).encode(), False): RefusalReason.CONFLICT,
    }
    batch = good[:4] + list(poison) + good[4:]
    outcome = await handler.take(batch)
    assert (outcome.stored, outcome.buried) == (len(good), len(poison))
    assert await count(hub, CaseRow) == 3
    told = [refusal.reason for refusals in outcome.refused.values() for refusal in refusals]
    assert sorted(told) == sorted(reason for message, reason in poison.items() if "EDGE" not in message.topic)
    assert {"edge-8", "edge-9"} <= set(outcome.refused)

    answer = (await admin.client.get("/api/v1/dead-letters")).json()
    assert answer["total"] == len(poison)
    letters = {(letter["topic"], letter["size"]): letter["reason"] for letter in answer["items"]}
    assert letters == {(message.topic, len(message.payload)): reason for message, reason in poison.items()}
    await handler.take(list(poison))
    assert {letter.times for letter in await rows(hub, DeadLetterRow)} == {2}


async def test_dead_letters_come_in_pages(hub: Hub, handler: IngestHandler, admin: Admin) -> None:
    for number in range(5):
        await handler.take([Message(EVENTS, f"poison {number}".encode(), False)])
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await admin.client.get("/api/v1/dead-letters", params=query)).json()
        seen += [letter["payload_excerpt"] for letter in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"poison {number}" for number in (4, 3, 2, 1, 0)]


async def test_the_same_id_from_another_box_is_a_conflict(hub: Hub, handler: IngestHandler) -> None:
    await hub.auth.provision_edge("edge-2")
    mine = BoxVoice(EDGE).reading()
    await handler.take([on_wire(mine)])
    theirs = BoxVoice("edge-2").reading().model_copy(update={"event_id": mine.event_id})
    outcome = await handler.take([on_wire(theirs)])
    assert [refusal.reason for refusal in outcome.refused["edge-2"]] == [RefusalReason.CONFLICT]
    assert [row.edge_id for row in await rows(hub, EventRow)] == [EDGE]


async def test_a_revoked_box_that_reports_for_ever_fills_one_row(hub: Hub, handler: IngestHandler) -> None:
    stranger = BoxVoice("edge-8")
    for _ in range(5):
        await handler.take([on_wire(stranger.health())])
    (letter,) = await rows(hub, DeadLetterRow)
    assert (letter.reason, letter.times) == (RefusalReason.UNKNOWN_EDGE, 5)


async def test_the_invalid_states_of_a_known_box_fill_one_row(hub: Hub, handler: IngestHandler) -> None:
    topic = f"tr/v1/{EDGE}/state"
    for number in range(5):
        outcome = await handler.take([Message(topic, b'{"v": 1, "seq": %d}' % number, False)])
        assert [refusal.reason for refusal in outcome.refused[EDGE]] == [RefusalReason.INVALID]
    (letter,) = await rows(hub, DeadLetterRow)
    assert (letter.reason, letter.times) == (RefusalReason.INVALID, 5)


async def test_the_newest_dead_letters_are_kept(
    hub: Hub, handler: IngestHandler, hub_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.letter_repository.LETTERS_KEPT", 3)
    again = Message(EVENTS, b"again", False)
    await handler.take([again])
    for number in range(5):
        hub_clock.advance(1)
        await handler.take([Message(EVENTS, f"poison {number}".encode(), False), again])
    kept = {(letter.payload, letter.times) for letter in await rows(hub, DeadLetterRow)}
    assert kept >= {(b"poison 4", 1), (b"poison 3", 1), (b"again", 6)}
    assert (b"poison 2", 1) not in kept


async def test_dead_letters_are_kept_for_ninety_days(hub: Hub, handler: IngestHandler, hub_clock: FakeClock) -> None:
    await handler.take([Message(EVENTS, b"old", False)])
    hub_clock.advance(60 * 86400)
    await handler.take([Message(EVENTS, b"young", False)])
    hub_clock.advance(31 * 86400)
    await handler.take([Message(EVENTS, b"new", False)])
    assert {letter.payload for letter in await rows(hub, DeadLetterRow)} == {b"young", b"new"}


async def test_a_case_from_a_clock_that_is_ahead_opens_when_it_came(
    hub: Hub, handler: IngestHandler, hub_clock: FakeClock
) -> None:
    box, incident, future = BoxVoice(EDGE), new_id(), hub_clock.now() + timedelta(days=300)
    await handler.take([on_wire(box.finding(incident, opened_at=future)), on_wire(box.finding(new_id()))])
    ahead, right = sorted(await rows(hub, CaseRow), key=lambda case: not case.clock_ahead)
    assert (ahead.opened_at, ahead.clock_ahead) == (hub_clock.now(), True)
    assert right.clock_ahead is False
    (step, *_) = [step for step in await rows(hub, CaseHistoryRow) if step.case_id == ahead.id]
    assert step.at == future
    came = hub_clock.now()
    hub_clock.advance(60)
    await handler.take([on_wire(box.finding(incident, Phase.UPDATE, opened_at=future))])
    assert {case.opened_at for case in await rows(hub, CaseRow) if case.clock_ahead} == {came}


async def no_outage(away: bool) -> None:
    pytest.fail(f"there was no outage to tell of ({away})")


async def test_a_message_that_cannot_be_stored_is_buried_and_its_neighbours_are_not(
    hub: Hub, handler: IngestHandler, caplog: pytest.LogCaptureFixture
) -> None:
    bad = on_wire(BoxVoice(EDGE).reading(value=666.0))
    good = [on_wire(BoxVoice(EDGE).reading()) for _ in range(3)]
    async with hub.uow.write() as session:
        for statement in FORBID_666[session.get_bind().dialect.name]:
            await session.execute(text(statement))
    outcomes = [outcome async for outcome in Settler(handler, hub.ids, no_outage).settle([*good[:2], bad, good[2]])]
    assert [outcome.stored for outcome in outcomes] == [1, 1, 0, 1]
    (letter,) = await rows(hub, DeadLetterRow)
    assert letter.reason == INTERNAL_ERROR
    error_id = letter.detail.rpartition(" ")[2]
    assert f"error {error_id}" in caplog.text
    assert [refusal.event_id for refusal in refusals(outcomes)] == [json_id(bad)]
    assert await count(hub, EventRow) == 3


FORBID_666 = {
    "sqlite": [
        "CREATE TRIGGER forbid BEFORE INSERT ON event WHEN NEW.body LIKE '%666.0%' "
        "BEGIN SELECT RAISE(ABORT, 'nobody foresaw this'); END"
    ],
    "postgresql": ["ALTER TABLE event ADD CONSTRAINT forbid CHECK (body::text NOT LIKE '%666%')"],
}


def refusals(outcomes: Sequence[Outcome]) -> list:
    return [refusal for outcome in outcomes for told in outcome.refused.values() for refusal in told]


def json_id(message: Message):
    return type(new_id())(json.loads(message.payload)["event_id"])


async def test_replicas_that_race_for_the_same_incidents_make_one_case_of_each(
    hub: Hub, handler: IngestHandler
) -> None:
    box = BoxVoice(EDGE)
    stories = [story(box) for _ in range(15)]
    by_phase = [[told[phase] for told in stories] for phase in range(3)]

    async def work(batches: Sequence[list[Message]]) -> None:
        settler = Settler(make_handler(hub), hub.ids, no_outage)
        for batch in batches:
            async for outcome in settler.settle(batch):
                assert outcome.buried == 0

    await asyncio.gather(work(by_phase), work(by_phase[::-1]), work([list(reversed(batch)) for batch in by_phase]))
    cases = await rows(hub, CaseRow)
    assert len(cases) == len({case.case_no for case in cases}) == 15
    assert {(case.version, case.cleared_at is None) for case in cases} == {(3, False)}
    assert await count(hub, CaseHistoryRow) == 45
