"""Who is told what, and what happens to a slow viewer."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from hub.auth.policy import Role, Subject
from hub.live.feed import Feed, FeedEvent, Viewer
from tests.hub_messages import new_id

HERE, ELSEWHERE = "110102012003007", "110105001001001"


def subject(area: str, role: Role = Role.VIEWER) -> Subject:
    return Subject(new_id(), "u", role, area)


def event(number: int, *grids: str | None) -> FeedEvent:
    return FeedEvent("case", str(number), {"case_no": str(number)}, grids or (HERE,))


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def watch(feed: Feed):
    with ExitStack() as stack:

        def enter(who: Subject, limit: int = 100) -> Viewer:
            viewer = stack.enter_context(feed.watch(who, limit))
            assert viewer.take() == (True, [])
            return viewer

        yield enter


def test_a_viewer_begins_with_a_whole_fetch_and_then_gets_each_event_once(feed, watch):
    viewer = watch(subject(""))
    feed.publish([event(1), event(2)])
    assert viewer.take() == (False, [event(1), event(2)])
    assert viewer.take() == (False, [])


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (subject("110102"), [event(1, HERE), event(4, ELSEWHERE, HERE)]),
        (subject("110105"), [event(2, ELSEWHERE), event(4, ELSEWHERE, HERE)]),
        (
            subject("", Role.ADMINISTRATOR),
            [event(1, HERE), event(2, ELSEWHERE), event(3, None), event(4, ELSEWHERE, HERE)],
        ),
    ],
)
def test_only_events_of_the_own_area_are_told(feed, watch, who, seen):
    viewer = watch(who)
    feed.publish([event(1, HERE), event(2, ELSEWHERE), event(3, None), event(4, ELSEWHERE, HERE)])
    assert viewer.take() == (False, seen)


def test_a_slow_viewer_is_told_to_fetch_everything_and_nobody_else_is(feed, watch):
    slow = watch(subject(""), limit=3)
    quick = watch(subject(""), limit=10)
    feed.publish(map(event, range(5)))
    assert slow.take() == (True, [])
    assert quick.take() == (False, list(map(event, range(5))))
    feed.publish([event(9)])
    assert slow.take() == (False, [event(9)])


def test_news_of_one_thing_count_once_and_the_newest_is_told(feed, watch):
    viewer = watch(subject(""), limit=2)
    for version in range(9):
        feed.publish([FeedEvent(name, "x", {"version": version}, (HERE,)) for name in ("case", "camera")])
    missed, events = viewer.take()
    assert not missed
    assert [(event.name, event.data["version"]) for event in events] == [("case", 8), ("camera", 8)]


def test_the_births_of_one_batch_fit_a_viewer(feed):
    with feed.watch(subject("")) as viewer:
        viewer.take()
        feed.publish(FeedEvent("camera", str(number), {}, (HERE,)) for number in range(132))
        missed, events = viewer.take()
    assert (missed, len(events)) == (False, 132)


def test_who_becomes_somebody_else_fetches_everything_and_hears_of_the_new_area_only(feed, watch):
    who = subject("110102")
    viewer = watch(who)
    feed.publish([event(1, HERE)])
    viewer.become(replace(who, area_prefix="110105"))
    assert viewer.take() == (True, [])
    feed.publish([event(2, HERE), event(3, ELSEWHERE)])
    viewer.become(replace(who, area_prefix="110105"))
    assert viewer.take() == (False, [event(3, ELSEWHERE)])


def test_who_left_is_not_kept(feed):
    with feed.watch(subject("")):
        assert len(feed) == 1
    assert len(feed) == 0


async def test_waiting_ends_with_an_event_of_the_own_area_only(feed, watch):
    viewer = watch(subject("110102"))
    waiting = asyncio.create_task(viewer.wait())
    await asyncio.sleep(0)
    feed.publish([event(1, ELSEWHERE)])
    await asyncio.sleep(0)
    assert not waiting.done()
    feed.publish([event(2, HERE)])
    await waiting
    assert viewer.take() == (False, [event(2, HERE)])
