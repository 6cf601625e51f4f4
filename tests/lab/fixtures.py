"""The fixtures that give a test its real peers, and the rules for what happens where a peer is missing."""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab import footage, peers
from tests.lab.processes import PeerMissingError, find_program
from tests.lab.processes import free_port as find_free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser

BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHARED_ASSETS = peers.ROOT.parent / "shared" / "assets"
ASSETS_REASON = "needs the development weights: put ../shared/assets beside the repository or set TIANRUI_MODELS"
_databases = itertools.count(1)


@contextmanager
def peer_or_skip() -> Iterator[None]:
    """Skip the test when its peer is missing; in CI that is a failure, because a skipped test proves nothing."""
    try:
        yield
    except PeerMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def _weights_folder() -> Path | None:
    for folder in (os.environ.get("TIANRUI_MODELS"), SHARED_ASSETS / "weights"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


def pytest_configure() -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that no peer outlives it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests that need weights where there are none, and those that need root where we are not."""
    if item.get_closest_marker("needs_assets") and _weights_folder() is None:
        pytest.skip(ASSETS_REASON)
    if item.get_closest_marker("needs_root") and os.geteuid() != 0:
        pytest.skip("needs to run as root")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how many tests could not run for want of weights."""
    reports = terminalreporter.stats.get("skipped", ())
    if skipped := sum(ASSETS_REASON in str(report.longrepr) for report in reports):
        terminalreporter.write_line(f"{skipped} tests did not run; each {ASSETS_REASON}", yellow=True)


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return find_free_port()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[peers.Mosquitto]:
    """A running mosquitto without access rules."""
    with peer_or_skip():
        broker = peers.Mosquitto(tmp_path)
    with broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[peers.Postgres]:
    """A running PostgreSQL cluster for the whole session."""
    with peer_or_skip():
        cluster = peers.Postgres()
    with cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: peers.Postgres) -> Iterator[str]:
    """The SQLAlchemy address (psycopg 3) of a new, empty database; it is dropped after the test."""
    name = f"test_{next(_databases)}"
    postgres.run(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def vtest_path() -> Path:
    """The real video vtest.avi: 768x576, 10 fps, 79.5 s, people walking past a parked van."""
    with peer_or_skip():
        return footage.vtest_video()


@pytest.fixture(scope="session")
def vtest_h264() -> Path:
    """The same video as an Annex-B H.264 file at 10 fps without B frames."""
    with peer_or_skip():
        return footage.vtest_h264()


@pytest.fixture
def rtsp_camera(tmp_path: Path, vtest_h264: Path) -> Iterator[peers.RtspCamera]:
    """A running RTSP camera that plays vtest.avi in a loop as `rtsp_camera.url("vtest")`."""
    with peer_or_skip():
        camera = peers.RtspCamera(tmp_path, {"vtest": (vtest_h264, footage.FPS)})
    with camera:
        yield camera


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of development weights; mark the test `needs_assets`."""
    folder = _weights_folder()
    if folder is None:
        pytest.skip(ASSETS_REASON)
    return folder


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder ../shared/assets with weights, coco128, waste13 and pano; mark the test `needs_assets`."""
    if not SHARED_ASSETS.is_dir():
        pytest.skip("needs the pictures of ../shared/assets beside the repository")
    return SHARED_ASSETS


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """Debian's Chromium, headless, through Playwright's async interface; open a context or page of your own in it."""
    # Playwright's synchronous interface leaves a running event loop behind, in which no later async test can start.
    from playwright.async_api import async_playwright

    with peer_or_skip():
        program = find_browser()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=BROWSER_FLAGS)
        yield chromium
        await chromium.close()


def find_browser(find: Callable[[str, str], str] = find_program) -> str:
    """Return the path of a Chromium; raise PeerMissingError when there is none."""
    for name in BROWSER_NAMES[:-1]:
        try:
            return find(name, "chromium")
        except PeerMissingError:
            continue
    return find(BROWSER_NAMES[-1], "chromium")
