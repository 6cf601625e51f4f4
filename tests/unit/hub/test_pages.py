"""The built page: caching, history fallback, and what happens before it is built."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from hub.pages import Pages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<title>page</title>", encoding="utf-8")
    (tmp_path / "static" / "assets" / "main-1a2b.js").write_text("1", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return tmp_path / "static"


def client_of(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/", Pages(folder))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test")


@pytest.mark.parametrize("path", ["/", "/index.html", "/cases/110102-1", "/cameras"])
async def test_the_page_answers_every_path_of_its_history_and_is_never_kept(folder: Path, path: str) -> None:
    answer = await client_of(folder).get(path)
    assert (answer.status_code, answer.text) == (200, "<title>page</title>")
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_hashed_files_are_kept_for_ever(folder: Path) -> None:
    answer = await client_of(folder).get("/assets/main-1a2b.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/api", "/api/v1/nothing", "/%2e%2e/secret.txt", "/..%2fsecret.txt"]
)
async def test_what_is_not_there_is_not_the_page(folder: Path, path: str) -> None:
    answer = await client_of(folder).get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_before_the_build_a_text_says_how_to_build(tmp_path: Path) -> None:
    answer = await client_of(tmp_path / "none").get("/")
    assert answer.status_code == 503
    assert "scripts/setup" in answer.text
