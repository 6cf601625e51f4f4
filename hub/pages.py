"""Serves the built page: hashed files for ever, the page itself always fresh, also for each path of its history."""

from pathlib import Path, PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
NOT_BUILT = "The page is not built. Run `scripts/setup`, or `npm ci && npm run build` in hub/web, and reload.\n"


class Pages(StaticFiles):
    """The files of one folder, with the history fallback of a single page."""

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._index = folder / "index.html"

    async def check_config(self) -> None:
        """Accept a folder that is not there: the page may be built while the hub runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or the page for a path without a suffix.

        Raises:
            HTTPException: 404 for what the API or the folder has not, 405 for other methods than GET and HEAD.
        """
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404, "there is no such route")
        if not self._index.is_file():
            return PlainTextResponse(NOT_BUILT, 503)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or PurePosixPath(path).suffix:  # noqa: PLR2004
                raise
            path = "index.html"
            response = await super().get_response(path, scope)
        hashed = path.startswith("assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response
