"""New still things on a synthetic lawn: seen and kept, and what light, shade, walkers and removal must not do."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge_agent.types import Image, PictureBox, StillThing, Track, ZoneThings
from tests.unit.edge_agent.track.lawn import TILES, WHOLE, bottle, frame, lawn, see

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
NEW_FROM_S = 20
Change = Callable[[Image, int], Image]


def watch(
    change: Change, *, last_s: int = 45, tracks: Callable[[int], list[Track]] = lambda _: [], polygon: tuple = WHOLE
) -> list[tuple[StillThing, ...]]:
    """What was seen at each second; `change` alters the frames from second 20 on."""
    subject = lawn(polygon)
    return [
        see(subject, change(frame(), t) if t >= NEW_FROM_S else frame(), t, tracks(t)).things for t in range(last_s)
    ]


def test_a_new_thing_is_seen_after_it_lay_still_and_keeps_its_id() -> None:
    looks = watch(lambda image, _: bottle(image))
    assert not any(looks[:23])
    assert all(len(things) == 1 for things in looks[24:])
    thing = looks[-1][0]
    assert {things[0].thing_id for things in looks[24:]} == {thing.thing_id}
    assert thing.since_s == NEW_FROM_S
    assert thing.box.iou(PictureBox(100 / 320, 120 / 240, 114 / 320, 134 / 240)) > 0.6
    assert thing.area == pytest.approx(14 * 14 / (320 * 240), rel=0.4)


def test_a_thing_that_is_taken_away_is_gone_and_its_ground_is_known_again() -> None:
    looks = watch(lambda image, t: bottle(image) if t < 35 else image)
    assert looks[34]
    assert not any(looks[38:])


def test_a_thing_outside_the_zone_is_not_seen() -> None:
    assert not any(watch(lambda image, _: bottle(image, x=200), polygon=LEFT_HALF))


def test_what_lay_there_from_the_start_is_no_news_and_its_removal_is_told_as_such() -> None:
    subject = lawn()
    looks = [see(subject, bottle(frame()) if t < 25 else frame(), t).things for t in range(45)]
    assert not any(looks[:28])
    assert all(len(things) == 1 and things[0].taken_away for things in looks[30:])
    assert looks[-1][0].box.iou(PictureBox(100 / 320, 120 / 240, 114 / 320, 134 / 240)) > 0.6
    again = [see(subject, bottle(frame(), x=200), t).things for t in range(45, 60)]
    assert {thing.taken_away for thing in again[-1]} == {True, False}


def test_nothing_is_known_until_the_reference_is_learned_and_each_learning_has_its_own_number() -> None:
    subject = lawn()
    first = [see(subject, frame(), t).reference for t in range(20)]
    assert first[:10] == [None] * 10
    assert first[10:] == [first[10]] * 10
    larger = [see(subject, cv2.resize(frame(), (640, 480)), 20 + t).reference for t in range(20)]
    restarted = [see(subject, cv2.resize(frame(), (640, 480)), t).reference for t in range(20)]
    assert larger[:10] == restarted[:10] == [None] * 10
    assert len({None, first[-1], larger[-1], restarted[-1]}) == 4


def test_slow_looks_learn_ten_looks_long() -> None:
    subject = lawn()
    known = [see(subject, frame(), 30 * i).reference is not None for i in range(12)]
    assert known == [False] * 10 + [True] * 2


def test_nothing_is_known_while_most_of_the_zone_differs() -> None:
    subject = lawn()
    for t in range(30):
        before = see(subject, bottle(frame()) if t >= NEW_FROM_S else frame(), t)
    assert [see(subject, frame() + TILES, t) for t in range(30, 50)] == [ZoneThings()] * 20
    assert see(subject, bottle(frame()), 50) == before
    assert see(subject, bottle(frame()), 50.5) == before, "not due yet"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda image, _: np.clip(image * 0.6 + 8, 0, 255).astype(np.uint8), "auto-exposure: gain and offset"),
        (lambda image, t: np.clip(image * (1 + 0.02 * (t - 20)), 0, 255).astype(np.uint8), "the sun comes out slowly"),
        (lambda image, _: (255 * (image / 255) ** 0.75).astype(np.uint8), "a gamma that no gain explains"),
        (lambda image, t: bottle(image, x=40 + 8 * (t - 20)), "it moves"),
        (lambda image, t: bottle(image) if t < 22 else image, "a moment only"),
        (lambda image, _: np.roll(image, 60, axis=1), "the camera was moved: most of the zone differs"),
    ],
)
def test_these_are_not_things(change: Change, why: str) -> None:
    assert not any(watch(change)), why


def test_shade_over_the_same_ground_is_not_a_thing() -> None:
    def shade(image: Image, _: int) -> Image:
        image[100:130, 80:120] = (image[100:130, 80:120] * 0.55).astype(np.uint8)
        return image

    assert not any(watch(shade))


def test_a_light_step_keeps_the_thing_that_lies_there() -> None:
    looks = watch(lambda image, t: bottle(image) if t < 32 else (bottle(image) * 0.7).astype(np.uint8))
    assert len({things[0].thing_id for things in looks[24:]}) == 1


def walker(seconds: int, x: float) -> Track:
    return Track(1, "person", PictureBox(x, 0.3, x + 0.15, 0.75), 0.9, 0.0, float(seconds))


def test_persons_and_vehicles_are_no_things_even_when_they_stand() -> None:
    def person(image: Image, _: int) -> Image:
        cv2.rectangle(image, (110, 80), (140, 160), (10, 10, 200), -1)
        return image

    assert not any(watch(person, tracks=lambda t: [walker(t, 0.3)] if t >= NEW_FROM_S else []))


def test_someone_in_front_of_a_thing_does_not_end_it() -> None:
    def scene(image: Image, t: int) -> Image:
        bottle(image)
        if 30 <= t < 40:
            cv2.rectangle(image, (96, 80), (130, 160), (10, 10, 200), -1)
        return image

    looks = watch(scene, tracks=lambda t: [walker(t, 0.28)] if 30 <= t < 40 else [], last_s=50)
    assert len({things[0].thing_id for things in looks[24:]}) == 1


def test_between_due_looks_the_last_answer_holds_and_a_restart_learns_again() -> None:
    subject = lawn()
    for t in range(30):
        known = see(subject, bottle(frame()) if t >= NEW_FROM_S else frame(), t)
    assert see(subject, frame(), 29.4) == known
    assert not any(see(subject, bottle(frame()), t).things for t in range(20))


def test_another_picture_size_learns_again() -> None:
    subject = lawn()
    for t in range(30):
        see(subject, bottle(frame()) if t >= NEW_FROM_S else frame(), t)
    larger = [cv2.resize(bottle(frame()), (640, 480)) for _ in range(20)]
    assert not any(see(subject, image, 30 + t).things for t, image in enumerate(larger))


def test_a_zone_that_differs_mostly_says_nothing_and_is_learned_again() -> None:
    subject = lawn()
    looks = []
    for t in range(100):
        image = frame() + TILES if t >= NEW_FROM_S else frame()
        looks.append(see(subject, bottle(image) if t >= 80 else image, t).things)
    assert not any(looks[:80])
    assert [len(things) for things in looks[86:]] == [1] * 14
