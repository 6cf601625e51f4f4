"""New still things on a synthetic lawn: seen and kept, and what light, shade, walkers and removal must not do."""

from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from edge_agent.track.still_things import StillThings, StillZone
from edge_agent.types import FrameTime, Image, PictureBox, StillThing, Track

WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
SIZE = (240, 320)
NEW_FROM_S = 20
Change = Callable[[Image, int], Image]
rng = np.random.default_rng(7)
GROUND = cv2.GaussianBlur(rng.integers(60, 160, (*SIZE, 3), np.uint8), (5, 5), 0)
BOTTLE = rng.integers(0, 255, (14, 14, 3), np.uint8)


def at(seconds: float) -> FrameTime:
    return FrameTime(datetime.fromtimestamp(1_700_000_000 + seconds, UTC), float(seconds), "file")


def frame(noise: int = 4) -> Image:
    jitter = rng.integers(-noise, noise + 1, (*SIZE, 3), np.int16)
    return np.clip(GROUND.astype(np.int16) + jitter, 0, 255).astype(np.uint8)


def bottle(image: Image, x: int = 100, y: int = 120) -> Image:
    image[y : y + 14, x : x + 14] = BOTTLE
    return image


def watch(
    change: Change, *, last_s: int = 45, tracks: Callable[[int], list[Track]] = lambda _: [], polygon: tuple = WHOLE
) -> list[tuple[StillThing, ...]]:
    """What was seen at each second; `change` alters the frames from second 20 on."""
    subject = StillThings({"lawn": StillZone(polygon, 0.0005, 0.05)})
    return [
        subject.update(change(frame(), t) if t >= NEW_FROM_S else frame(), tracks(t), at(t))["lawn"]
        for t in range(last_s)
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


def test_what_lay_there_from_the_start_is_no_news_nor_is_its_removal() -> None:
    subject = StillThings({"lawn": StillZone(WHOLE, 0.0005, 0.05)})
    looks = [subject.update(bottle(frame()) if t < 25 else frame(), [], at(t))["lawn"] for t in range(45)]
    assert not any(looks)


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
    subject = StillThings({"lawn": StillZone(WHOLE, 0.0005, 0.05)})
    for t in range(30):
        things = subject.update(bottle(frame()) if t >= NEW_FROM_S else frame(), [], at(t))["lawn"]
    assert subject.update(frame(), [], at(29.4))["lawn"] == things
    assert not any(subject.update(bottle(frame()), [], at(t))["lawn"] for t in range(20))


def test_another_picture_size_learns_again() -> None:
    subject = StillThings({"lawn": StillZone(WHOLE, 0.0005, 0.05)})
    for t in range(30):
        subject.update(bottle(frame()) if t >= NEW_FROM_S else frame(), [], at(t))
    larger = [cv2.resize(bottle(frame()), (640, 480)) for _ in range(20)]
    assert not any(subject.update(image, [], at(30 + t))["lawn"] for t, image in enumerate(larger))


def test_a_zone_that_differs_mostly_says_nothing_and_is_learned_again() -> None:
    rows, columns = np.indices(SIZE) // 20
    tiles = (((rows + columns) % 2) * 70).astype(np.uint8)[..., None]
    subject = StillThings({"lawn": StillZone(WHOLE, 0.0005, 0.05)})
    looks = []
    for t in range(100):
        image = frame() + tiles if t >= NEW_FROM_S else frame()
        looks.append(subject.update(bottle(image) if t >= 80 else image, [], at(t))["lawn"])
    assert not any(looks[:80])
    assert [len(things) for things in looks[86:]] == [1] * 14
