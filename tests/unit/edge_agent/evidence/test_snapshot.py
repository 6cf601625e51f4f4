"""The snapshot is a copy: people unrecognisable, zone and thing drawn, a strip with text, geometry unchanged."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from edge_agent.errors import EvidenceError
from edge_agent.evidence.snapshot import THING_COLOUR, ZONE_COLOUR, Caption, Jpeg, Marks, local_time, make_snapshot
from edge_agent.types import FrameTime, Image, PictureBox
from tests.lab.pictures import PaintedPicture

CAPTION = Caption("gate-1", "illegal_parking", "Asia/Shanghai")
PERSON = PictureBox(0.5, 0.2, 0.6, 0.6)
ZONE = ((0.05, 0.05), (0.4, 0.05), (0.4, 0.4), (0.05, 0.4))
TIME = FrameTime(datetime(2026, 3, 1, 16, 5, 6, 789_000, tzinfo=UTC), 40.0, "rtcp")
rng = np.random.default_rng(5)


def shot(marks: Marks, image: Image | None = None, caption: Caption = CAPTION) -> Jpeg:
    image = rng.integers(80, 170, (360, 640, 3), np.uint8) if image is None else image
    return make_snapshot(PaintedPicture(image), TIME, marks, caption)


def decode(jpeg: Jpeg) -> Image:
    return cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)


def close_to(image: Image, x: float, y: float, colour: tuple[int, int, int]) -> bool:
    column, row = round(x * 640), round(y * 360)
    near = image[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3).astype(int)
    return bool((np.abs(near - colour).max(axis=1) < 70).any())


def test_it_is_a_jpeg_of_the_same_size_and_the_frame_is_untouched() -> None:
    image = rng.integers(80, 170, (360, 640, 3), np.uint8)
    before = image.copy()
    jpeg = shot(Marks(ZONE, PERSON, [PERSON]), image)
    assert jpeg.data[:3] == b"\xff\xd8\xff"
    assert (jpeg.width, jpeg.height) == (640, 360)
    assert decode(jpeg).shape == (360, 640, 3)
    assert (image == before).all()


def test_zone_and_thing_are_drawn_where_they_are() -> None:
    plain = np.full((360, 640, 3), 120, np.uint8)
    image = decode(shot(Marks(ZONE, PictureBox(0.7, 0.2, 0.9, 0.5)), plain))
    assert close_to(image, 0.4, 0.2, ZONE_COLOUR)
    assert close_to(image, 0.7, 0.3, THING_COLOUR)
    assert not close_to(image, 0.55, 0.3, ZONE_COLOUR)
    assert not close_to(image, 0.55, 0.3, THING_COLOUR)


def test_persons_lose_their_detail_only_when_asked() -> None:
    clear = decode(shot(Marks()))
    hidden = decode(shot(Marks(hidden_persons=[PERSON])))
    inside = (slice(80, 210), slice(325, 380))

    def detail(image: Image) -> float:
        return cv2.Laplacian(cv2.cvtColor(image[inside], cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()

    assert detail(hidden) < 0.1 * detail(clear)


@pytest.mark.parametrize(
    "person", [PictureBox(0.99, 0.0, 1.0, 0.001), PictureBox(0.0, 0.0, 1.0, 1.0), PictureBox(0.5, 0.5, 0.5, 0.5)]
)
def test_odd_person_boxes_do_not_break_it(person: PictureBox) -> None:
    assert shot(Marks(hidden_persons=[person])).data


@pytest.mark.parametrize(("thing", "rows"), [(None, slice(-27, None)), (PictureBox(0.1, 0.9, 0.2, 1.0), slice(0, 27))])
def test_the_text_stands_in_a_dark_strip_that_does_not_hide_the_thing(thing: PictureBox | None, rows: slice) -> None:
    plain = np.full((360, 640, 3), 120, np.uint8)
    strip = decode(shot(Marks(thing=thing), plain))[rows]
    assert np.median(strip) < 60
    assert (strip > 200).all(axis=2).mean() > 0.01


def test_a_long_caption_in_chinese_fits_a_small_picture() -> None:
    small = np.full((90, 160, 3), 120, np.uint8)
    image = decode(shot(Marks(), small, Caption("北门" * 40, "litter", "Asia/Shanghai")))
    assert (image[:, -2:] < 200).all()


def test_local_time_has_its_offset() -> None:
    assert local_time(TIME.captured_at, "Asia/Shanghai") == "2026-03-02T00:05:06.789+08:00"


def test_a_picture_too_large_for_jpeg_is_an_evidence_error() -> None:
    with pytest.raises(EvidenceError, match=r"camera gate-1.*\(9, 70000, 3\)"):
        shot(Marks(), np.zeros((9, 70_000, 3), np.uint8))
