"""Dead letters in the hands of an administrator: replayed once, refused again with the reason, or dismissed."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from sqlalchemy import select, text

from hub.audit.models import AuditRow
from hub.auth.policy import Role, Subject
from hub.cases.models import CaseRow
from hub.ingest.consumer import make_handler
from hub.ingest.handler import IngestHandler
from hub.ingest.models import DeadLetterRow, EventRow
from hub.state import Hub
from mqtt.connection import Message
from mqtt.envelope import MAX_BYTES
from mqtt.errors import RefusalReason
from mqtt.messages import Phase
from tests.hub_fixtures import Admin, FakeClock
from tests.hub_messages import BoxVoice, new_id, on_wire
from tests.integration.hub.test_ingest import FORBID_666

EDGE = "edge-1"
LETTERS = "/api/v1/dead-letters"


@pytest.fixture
def handler(hub: Hub) -> IngestHandler:
    return make_handler(hub)


async def rows(hub: Hub, table: type) -> Sequence:
    async with hub.uow.read() as session:
        return (await session.execute(select(table))).scalars().all()


async def letters(admin: Admin, **query: str) -> list[dict]:
    answer = await admin.client.get(LETTERS, params=query)
    assert answer.status_code == 200
    return answer.json()["items"]


async def only_letter(admin: Admin) -> dict:
    (letter,) = await letters(admin)
    return letter


async def deeds(hub: Hub, action: str) -> list[AuditRow]:
    return [row for row in await rows(hub, AuditRow) if row.action == action]


async def replay(admin: Admin, letter: dict) -> dict:
    answer = await admin.client.post(f"{LETTERS}/{letter['id']}/replay")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_letter_of_a_box_that_was_provisioned_since_becomes_a_case(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    box = BoxVoice(EDGE)
    await handler.take([on_wire(box.finding(new_id()))])
    assert hub.ingest.heard == set()
    letter = await only_letter(admin)
    assert (letter["reason"], letter["obstacle"]) == (RefusalReason.UNKNOWN_EDGE, None)
    await hub.auth.provision_edge(EDGE)
    administrator = Subject(new_id(), "admin", Role.ADMINISTRATOR, "")
    with hub.feed.watch(administrator) as viewer:
        viewer.take()
        assert await replay(admin, letter) == {"result": "taken", "letter": None}
        _, news = viewer.take()
    (case,) = await rows(hub, CaseRow)
    assert [event.data["case_no"] for event in news] == [case.case_no]
    assert hub.ingest.heard == {(EDGE, box.boot_id)}
    assert await letters(admin) == []
    (deed,) = await deeds(hub, "letter_replayed")
    assert (deed.actor, deed.object_id) == ("user:admin", letter["id"])
    assert deed.detail | {"payload_sha256": ""} == {
        "topic": f"tr/v1/{EDGE}/event",
        "reason": "unknown_edge",
        "payload_sha256": "",
        "size": letter["size"],
        "result": "taken",
    }


async def test_a_letter_that_is_refused_again_stays_with_the_newer_reason(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    box = BoxVoice(EDGE)
    early, late = box.reading(), box.reading()
    await handler.take([on_wire(early)])
    letter = await only_letter(admin)
    still = await replay(admin, letter)
    assert (still["result"], still["letter"]["reason"], still["letter"]["times"]) == ("refused", "unknown_edge", 2)
    await hub.auth.provision_edge(EDGE)
    await handler.take([on_wire(late.model_copy(update={"event_id": early.event_id}))])
    now = await replay(admin, letter)
    assert now["result"] == "refused"
    assert now["letter"] == await only_letter(admin)
    told = {name: now["letter"][name] for name in ("id", "reason", "detail", "times", "received_at")}
    assert told == {
        "id": letter["id"],
        "reason": "conflict",
        "detail": "another message with this event_id has been taken already",
        "times": 3,
        "received_at": letter["received_at"],
    }
    assert [deed.detail["new_reason"] for deed in await deeds(hub, "letter_replayed")] == ["unknown_edge", "conflict"]


async def test_a_message_that_lies_there_for_both_reasons_becomes_one_letter(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    box = BoxVoice(EDGE)
    early, late = box.reading(), box.reading()
    await handler.take([on_wire(early)])
    unknown = await only_letter(admin)
    await hub.auth.provision_edge(EDGE)
    await handler.take([on_wire(late.model_copy(update={"event_id": early.event_id}))])
    await handler.take([on_wire(early)])
    (conflict,) = await letters(admin, reason="conflict")
    kept = (await replay(admin, unknown))["letter"]
    assert (kept["id"], kept["reason"], kept["times"]) == (conflict["id"], "conflict", 3)
    assert await letters(admin) == [kept]


async def test_what_the_box_sent_again_meanwhile_has_no_second_effect(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    message = on_wire(BoxVoice(EDGE).finding(new_id()))
    await handler.take([message])
    letter = await only_letter(admin)
    await hub.auth.provision_edge(EDGE)
    await handler.take([message])
    assert (await replay(admin, letter))["result"] == "known"
    assert [case.version for case in await rows(hub, CaseRow)] == [1]
    assert await letters(admin) == []


async def test_two_administrators_who_replay_at_once_have_one_effect(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    await handler.take([on_wire(BoxVoice(EDGE).finding(new_id())) for _ in range(5)])
    found = await letters(admin)
    await hub.auth.provision_edge(EDGE)
    asked = [admin.client.post(f"{LETTERS}/{letter['id']}/replay") for letter in found for _ in range(2)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [404] * 5
    assert {answer.json()["code"] for answer in answers if answer.status_code == 404} == {"letter_not_found"}
    assert [case.version for case in await rows(hub, CaseRow)] == [1] * 5
    assert len(await deeds(hub, "letter_replayed")) == 5


async def test_what_was_not_kept_whole_and_old_states_cannot_be_replayed(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    await handler.take([Message(f"tr/v1/{EDGE}/event", b"x" * (MAX_BYTES + 1), False)])
    await handler.take([on_wire(BoxVoice(EDGE).birth())])
    await hub.auth.provision_edge(EDGE)
    found = await letters(admin)
    assert [letter["obstacle"] for letter in found] == ["state", "not_whole"]
    for letter, code in zip(found, ("letter_is_state", "letter_not_whole"), strict=True):
        answer = await admin.client.post(f"{LETTERS}/{letter['id']}/replay")
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    none = {"taken": 0, "known": 0, "refused": 0, "next_after": None}
    assert (await admin.client.post(f"{LETTERS}/replay")).json() == none
    assert await letters(admin) == found


async def test_many_are_replayed_in_rounds_by_reason_and_box_the_oldest_first(
    hub: Hub, handler: IngestHandler, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.service.ROUND", 2)
    box, incident = BoxVoice(EDGE), new_id()
    story = [box.finding(incident, phase) for phase in (Phase.OPEN, Phase.UPDATE, Phase.CLOSE)]
    for message in [*(on_wire(told) for told in story), on_wire(BoxVoice("edge-2").reading())]:
        await handler.take([message])
    await handler.take([Message(f"tr/v1/{EDGE}/event", b"not json", False)])
    await hub.auth.provision_edge(EDGE)

    async def rounds(**query: str) -> list[tuple[int, int]]:
        done: list[tuple[int, int]] = []
        while True:
            answer = (await admin.client.post(f"{LETTERS}/replay", params=query)).json()
            done.append((answer["taken"], answer["refused"]))
            if answer["next_after"] is None:
                return done
            query["after"] = answer["next_after"]

    assert await rounds(reason="unknown_edge", edge_id=EDGE) == [(2, 0), (1, 0)]
    (case,) = await rows(hub, CaseRow)
    assert (case.version, case.cleared_at is None) == (3, False)
    assert await rounds() == [(0, 2)]
    assert [(letter["edge_id"], letter["times"]) for letter in await letters(admin)] == [(EDGE, 2), ("edge-2", 2)]
    wrong = await admin.client.post(f"{LETTERS}/replay", params={"edge": EDGE})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")


async def test_a_message_that_still_cannot_be_stored_stays_and_does_not_stop_the_others(
    hub: Hub, handler: IngestHandler, admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    for value in (666.0, 1.0):
        await handler.take([on_wire(BoxVoice(EDGE).reading(value=value))])
    await hub.auth.provision_edge(EDGE)
    async with hub.uow.write() as session:
        for statement in FORBID_666[session.get_bind().dialect.name]:
            await session.execute(text(statement))
    done = (await admin.client.post(f"{LETTERS}/replay")).json()
    assert (done.get("taken"), done.get("refused")) == (1, 1), done
    letter = await only_letter(admin)
    assert (letter["reason"], letter["times"]) == ("internal_error", 2)
    assert f"dead letter {letter['id']} cannot be stored" in caplog.text
    assert [row.body["value"] for row in await rows(hub, EventRow)] == [1.0]


async def test_a_dismissed_letter_is_gone_and_the_audit_says_who_and_what(
    hub: Hub, handler: IngestHandler, admin: Admin
) -> None:
    await handler.take([Message(f"tr/v1/{EDGE}/event", b"not json", False)])
    letter = await only_letter(admin)
    assert (await admin.client.delete(f"{LETTERS}/{letter['id']}")).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/replay")):
        again = await admin.client.request(method, f"{LETTERS}/{letter['id']}{path}")
        assert (again.status_code, again.json()["code"]) == (404, "letter_not_found")
    assert await rows(hub, DeadLetterRow) == []
    (deed,) = await deeds(hub, "letter_dismissed")
    assert (deed.actor, deed.detail["reason"], deed.detail["times"]) == ("user:admin", "not_json", 1)


async def test_letters_are_found_by_reason_and_box_and_shown_whole(
    hub: Hub, handler: IngestHandler, admin: Admin, hub_clock: FakeClock
) -> None:
    long = on_wire(BoxVoice("edge-2").finding(new_id(), limits=("night",) * 16))
    await handler.take([on_wire(BoxVoice(EDGE).reading()), Message(f"tr/v1/{EDGE}/event", b"\xff", False), long])
    page = (await admin.client.get(LETTERS, params={"reason": "unknown_edge"})).json()
    assert ({letter["edge_id"] for letter in page["items"]}, page["total"]) == ({EDGE, "edge-2"}, 2)
    page = (await admin.client.get(LETTERS, params={"edge_id": EDGE})).json()
    assert (page["total"], page["counts"]) == (2, {"unknown_edge": 1, "not_json": 1})
    (letter,) = await letters(admin, reason="unknown_edge", edge_id="edge-2")
    detail = (await admin.client.get(f"{LETTERS}/{letter['id']}")).json()
    assert len(letter["payload_excerpt"]) < len(detail["payload"]) == len(long.payload)
    assert json.loads(detail["payload"]) == json.loads(long.payload)
    assert detail.items() >= letter.items()
