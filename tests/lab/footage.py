"""Hands the tests the same real footage as the demo, skipping them where it cannot be had."""

from pathlib import Path

from scripts.footage import FootageError, h264, vtest
from tests.lab.processes import PeerMissingError

FPS = 10


def vtest_video() -> Path:
    """Return the cached vtest.avi; raise PeerMissingError when it cannot be fetched."""
    try:
        return vtest()
    except FootageError as error:
        raise PeerMissingError(str(error)) from error


def vtest_h264() -> Path:
    """Return vtest.avi as an Annex-B H.264 file at 10 fps; raise PeerMissingError when it cannot be fetched."""
    video = vtest_video()
    return h264(video, FPS)
