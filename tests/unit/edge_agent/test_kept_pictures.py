"""What is kept of a look: pictures in which nobody can be recognised, and no event without its verdict."""

import pytest

from tests.unit.edge_agent.looking import (
    PERSON,
    WINDOWS,
    FakeDetector,
    Stored,
    camera,
    decoded,
    frame,
    is_recognisable,
    looked,
    paint_windows,
    part,
    pipeline,
    street,
)


@pytest.fixture
def stored() -> Stored:
    return Stored()


def test_a_person_is_pixelated_in_every_picture(stored: Stored) -> None:
    looked(camera(), FakeDetector(PERSON), stored, lambda image: None)
    for image in stored.pictures():
        assert not is_recognisable(image, PERSON)
        assert is_recognisable(image, (0.1, 0.4, 0.3, 0.7))


def test_where_blurring_is_off_persons_are_shown(stored: Stored) -> None:
    spec = camera(privacy={"blur_persons": False})
    looked(spec, FakeDetector(PERSON), stored, lambda image: None)
    assert all(is_recognisable(image, PERSON) for image in stored.pictures())


def test_a_person_whom_the_detector_misses_stays_pixelated_for_two_seconds(stored: Stored) -> None:
    detector = FakeDetector(PERSON)
    watched = pipeline(camera(zones=[]), detector, stored)
    for seconds in (0.0, 0.5, 1.0):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
    assert stored.snapshots == []
    detector.persons = ()
    for seconds in (1.5, 3.0, 3.1):
        watched.look(frame(seconds, street()), offer_snapshot=True, stale_s=15.0)
    assert [is_recognisable(decoded(shot), PERSON) for _, shot in stored.snapshots] == [False, False, True]


def test_a_kept_picture_is_one_that_the_detector_has_seen(stored: Stored) -> None:
    detector = FakeDetector()
    watched = pipeline(camera(), detector, stored)
    for seconds in range(0, 8, 2):
        watched.look(frame(seconds, street()), offer_snapshot=False, stale_s=15.0)
    detector.persons = ((0.1, 0.4, 0.2, 0.7),)
    watched.look(frame(8, street()), offer_snapshot=True, stale_s=15.0)
    assert not is_recognisable(decoded(stored.snapshots[0][1]), (0.1, 0.4, 0.2, 0.7))


def test_evidence_is_of_the_main_stream_with_the_persons_of_both_pictures_hidden(stored: Stored) -> None:
    stored.main = street(1280, 960)
    paint_windows(stored.main)
    detector = FakeDetector(PERSON)
    looked(camera(masks=[WINDOWS]), detector, stored, lambda image: None)
    (shot,) = stored.shots
    image = decoded(shot)
    assert (shot.width, shot.height) == (1280, 960)
    assert not is_recognisable(image, PERSON)
    assert not is_recognisable(image, (0.6, 0.28, 0.7, 0.4)), "they may have walked on"
    assert part(image, (0.1, 0.05, 0.4, 0.25), 0.01).max() < 20


def test_a_main_stream_of_another_shape_is_not_used_because_masks_would_lie_elsewhere(stored: Stored) -> None:
    stored.main = street(1280, 720)
    looked(camera(), FakeDetector(PERSON), stored, lambda image: None)
    assert (stored.shots[0].width, stored.shots[0].height) == (640, 480)


def test_all_that_one_look_finds_shares_one_picture_of_the_main_stream(stored: Stored) -> None:
    stored.main = street(1280, 960)
    detector = FakeDetector(PERSON)
    rules = [camera().zones[0].rules[0].model_dump(mode="json") | {"id": f"crowd-{n}"} for n in range(3)]
    zone = camera().zones[0].model_dump(mode="json")
    watched = pipeline(camera(zones=[zone | {"rules": rules}]), detector, stored)
    for number in range(4):
        watched.look(frame(number * 0.5, street()), offer_snapshot=False, stale_s=15.0)
    assert [body.phase for body in stored.bodies] == ["open"] * 3
    assert stored.main_asked == 1
    assert sum(image.shape == (960, 1280, 3) for image in detector.shown) == 1


def test_an_event_whose_picture_cannot_be_made_is_told_without_it(stored: Stored) -> None:
    stored.main = street(1280, 960)
    detector = FakeDetector(PERSON)
    detector.too_large = (960, 1280)
    rule = camera().zones[0].rules[0].model_dump(mode="json")
    watched = pipeline(camera(zones=[camera().zones[0].model_dump(mode="json") | {"rules": [rule]}]), detector, stored)
    for number in range(4):
        watched.look(frame(number * 0.5, street()), offer_snapshot=False, stale_s=15.0)
    assert [(body.phase, body.evidence) for body in stored.bodies] == [("open", ())]
    assert stored.shots == []
