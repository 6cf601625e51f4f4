"""Births, healths and deaths: which of them count, and what they make of a box."""

from datetime import timedelta

from hub.fleet.models import CameraRow
from hub.fleet.policy import (
    LAG,
    SILENCE,
    StateMessage,
    apply_to_camera,
    apply_to_edge,
    counts,
    first_seen,
    is_online,
    state_since,
)
from mqtt.states import CameraState
from tests.hub_messages import START, BoxVoice, camera, picture

NOW = START + timedelta(seconds=60)


def message(envelope, retained=False):
    return StateMessage(envelope, envelope.body, retained)


def after(*envelopes, now=NOW):
    row = None
    for envelope in envelopes:
        state = message(envelope)
        if counts(row, state):
            row = row or first_seen(state, now)
            apply_to_edge(row, state, now)
    return row


def test_a_birth_brings_a_box_on_line_and_its_death_takes_it_off():
    box = BoxVoice()
    row = after(box.birth())
    assert (is_online(row, NOW), row.software, row.clock_offset_ms) == (True, "0.1.0", 12)
    row = after(box.birth(), box.death())
    assert not is_online(row, NOW)


def test_an_old_will_cannot_kill_a_new_boot():
    old, new = BoxVoice(), BoxVoice()
    row = after(old.birth(), new.birth(), old.death())
    assert is_online(row, NOW)
    assert row.boot_id == new.boot_id


def test_a_late_health_of_the_replaced_boot_does_not_bring_it_back():
    old, new = BoxVoice(), BoxVoice()
    late = old.health()
    assert after(old.birth(), new.birth(), late).boot_id == new.boot_id


def test_a_repeated_health_does_not_count_after_the_death_but_the_next_one_does():
    box = BoxVoice()
    birth, health, following = box.birth(), box.health(), box.health()
    assert not is_online(after(birth, health, box.death(), health), NOW)
    assert is_online(after(birth, health, box.death(), following), NOW)


def test_states_without_an_event_between_them_share_a_seq_and_all_count():
    box = BoxVoice()
    envelopes = [box.birth(), box.health(), box.health()]
    assert {envelope.seq for envelope in envelopes} == {0}
    row = after(*envelopes[:2])
    assert counts(row, message(envelopes[2]))
    assert not counts(row, message(envelopes[1]))


def test_an_older_state_does_not_count_after_a_newer_one():
    box = BoxVoice()
    early = box.health()
    box.reading()
    assert not counts(after(box.health()), message(early))


def test_states_that_a_lagging_replica_brings_once_more_do_not_count():
    box = BoxVoice()
    first, second = box.health(), box.health()
    row = after(first, second)
    assert not counts(row, message(first))
    assert row.state_event_id == second.event_id
    assert not counts(row, message(second))


def test_a_box_whose_clock_was_set_back_still_counts():
    box = BoxVoice()
    health, following = box.health(), box.health()
    row = after(health)
    back = following.model_copy(update={"emitted_at": health.emitted_at - LAG - timedelta(seconds=1)})
    assert counts(row, message(back))


def test_a_new_snapshot_is_no_news_but_a_new_state_is():
    row = CameraRow(edge_id="edge-1", camera_id="cam-1")
    assert apply_to_camera(row, camera(snapshot=picture("a" * 64)))
    assert not apply_to_camera(row, camera(snapshot=picture("b" * 64)))
    assert row.snapshot_sha256 == "b" * 64
    assert apply_to_camera(row, camera(state=CameraState.STALLED))


def test_a_boot_whose_birth_was_missed_is_taken_from_its_health():
    row = after(BoxVoice().birth(), BoxVoice().health())
    assert is_online(row, NOW)
    assert row.state_seq == 0


def test_a_death_of_a_box_never_heard_of_shows_it_offline():
    assert not is_online(after(BoxVoice().death()), NOW)


def test_a_silent_box_is_offline_since_it_was_last_heard_of():
    row = after(BoxVoice().birth())
    assert is_online(row, NOW + SILENCE)
    later = NOW + SILENCE + timedelta(seconds=1)
    assert not is_online(row, later)
    assert state_since(row, later) == NOW


def test_a_kept_state_of_long_ago_does_not_bring_a_box_on_line():
    envelope = BoxVoice().health()
    now = START + timedelta(days=1)
    state = message(envelope, retained=True)
    row = first_seen(state, now)
    apply_to_edge(row, state, now)
    assert not is_online(row, now)
    assert row.last_seen_at == envelope.emitted_at


def test_a_box_whose_clock_is_ahead_is_not_heard_of_in_the_future():
    envelope = BoxVoice(start=START + timedelta(days=2)).health()
    assert message(envelope, retained=True).heard_at(NOW) == NOW
