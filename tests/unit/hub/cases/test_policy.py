"""The fold of an incident: whatever the order and however often, the same case."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cases.models import CaseRow
from hub.cases.policy import Action, FindingMessage, Growth, Stage, absorb, found
from hub.catalogue.service import load_catalogue
from mqtt.messages import EvidenceRole, Phase
from tests.hub_messages import START, BoxVoice, evidence, new_id

INCIDENT = new_id()
CASE_ID = new_id()
NOW = START + timedelta(minutes=5)


def story() -> list[FindingMessage]:
    box, later_boot = BoxVoice(), BoxVoice(start=START + timedelta(hours=1))
    envelopes = [
        box.finding(INCIDENT, Phase.OPEN, score=0.6, evidence=(evidence(EvidenceRole.T0, "a" * 64),)),
        box.finding(INCIDENT, Phase.UPDATE, score=0.7, level=3, evidence=(evidence(EvidenceRole.T1, "b" * 64),)),
        later_boot.finding(INCIDENT, Phase.UPDATE, score=0.9, level=4),
        later_boot.finding(INCIDENT, Phase.CLOSE, score=0.1, level=None, box=None),
    ]
    return [FindingMessage(envelope, envelope.body) for envelope in envelopes]


STORY = story()


def fold(messages: Sequence[FindingMessage]) -> tuple[CaseRow, Growth]:
    growth = Growth()
    row = found(messages[0], load_catalogue().item("illegal_parking"), CASE_ID, growth, NOW)
    for message in messages[1:]:
        absorb(row, growth, message, NOW)
    return row, growth


def state(row: CaseRow) -> dict:
    return {column.key: getattr(row, column.key, None) for column in CaseRow.__table__.columns}


@given(st.permutations(STORY))
def test_every_order_gives_the_same_case(messages):
    row, growth = fold(messages)
    expected, expected_growth = fold(STORY)
    assert state(row) == state(expected)
    assert growth.evidence == expected_growth.evidence
    assert {(h.action, h.at) for h in growth.history} == {(h.action, h.at) for h in expected_growth.history}


def test_the_case_is_described_by_the_newest_message_that_still_saw_it():
    row, _ = fold(STORY)
    assert (row.score, row.level, row.box) == (0.9, 4, [0.1, 0.2, 0.3, 0.4])
    assert row.cleared_at == STORY[3].happened_at
    assert row.version == len(STORY)


def test_a_close_alone_makes_a_case_that_is_found_and_cleared():
    row, growth = fold(STORY[3:])
    assert [step.action for step in growth.history] == [Action.FOUND, Action.CLEARED]
    assert (row.stage, row.cleared_at, row.box) == (Stage.FOUND, STORY[3].happened_at, None)


def test_a_late_open_brings_its_evidence_and_does_not_reopen():
    row, growth = fold([STORY[3], STORY[0]])
    assert row.cleared_at is not None
    assert (EvidenceRole.T0, "a" * 64) in growth.evidence
    assert [step.action for step in growth.history] == [Action.FOUND, Action.CLEARED]


@pytest.mark.parametrize("phase", list(Phase))
def test_history_says_who_and_moves_no_stage(phase):
    envelope = BoxVoice("edge-7").finding(INCIDENT, phase)
    _, growth = fold([FindingMessage(envelope, envelope.body)])
    assert {(step.actor, step.to_stage) for step in growth.history} == {("edge:edge-7", Stage.FOUND)}
    assert growth.history[0].from_stage is None
