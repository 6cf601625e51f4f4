"""A thread that waits is woken, and waking never blocks or raises."""

import select

from mqtt.waker import Waker


def readable(waker: Waker) -> bool:
    return bool(select.select([waker], [], [], 0)[0])


def test_it_is_readable_after_a_wake_until_it_is_drained() -> None:
    waker = Waker()
    assert not readable(waker)
    waker.wake()
    waker.wake()
    assert readable(waker)
    waker.drain()
    assert not readable(waker)
    waker.close()


def test_waking_without_end_does_not_block() -> None:
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
    assert readable(waker)
    waker.close()


def test_waking_after_the_end_does_nothing() -> None:
    waker = Waker()
    waker.close()
    waker.wake()
