"""Finds the files of a model and proves by their hashes that they are the ones that were meant."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError
from models.manifest import Manifest, ModelEntry, ModelFile, load_manifest

PACKAGE = Path(__file__).parent
REMEDY = "set TIANRUI_MODELS to the folder that holds it (see models/README.md)"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model whose files were found and verified: `paths` in the order of the entry's files."""

    entry: ModelEntry
    labels: tuple[str, ...]
    paths: tuple[Path, ...]

    @property
    def version(self) -> str:
        """The beginning of the SHA-256 of the weights: the only version that cannot lie."""
        return self.entry.files[-1].sha256[:12]


def search_path(folders: Iterable[Path] = (), package: Path = PACKAGE) -> tuple[Path, ...]:
    """Return where weights may be, in order: the package, `folders`, and in a checkout ../shared/assets/weights."""
    root = package.parent
    checkout = (root.parent / "shared" / "assets" / "weights",) if (root / "pyproject.toml").is_file() else ()
    return (package / "weights", *folders, *checkout)


def find(name: str, folders: tuple[Path, ...], manifest: Manifest | None = None) -> FoundModel:
    """Return the model `name` out of the first of `folders` that holds all its files, each verified.

    Raises:
        ModelError: no such model, a file that is in none of the folders or cannot be read, or one with a wrong hash.
    """
    manifest = manifest or load_manifest()
    entry = next((entry for entry in manifest.models if entry.name == name), None)
    if entry is None:
        known = ", ".join(entry.name for entry in manifest.models)
        raise ModelError(f"model {name!r} is not in the manifest; choose one of: {known}")
    missing = entry.files[0].path
    for folder in folders:
        absent = [file.path for file in entry.files if not (folder / file.path).is_file()]
        if not absent:
            paths = tuple(_verified(entry, file, folder / file.path) for file in entry.files)
            return FoundModel(entry, manifest.label_sets[entry.label_set], paths)
        if len(absent) < len(entry.files):
            missing = absent[0]
    searched = ", ".join(str(folder) for folder in folders) or "no folder at all"
    raise ModelError(f"model {name!r}: {missing} was not found in {searched}; {REMEDY}")


def _verified(entry: ModelEntry, file: ModelFile, path: Path) -> Path:
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"model {entry.name!r}: {path} cannot be read ({error.strerror}); check its owner") from None
    if found != file.sha256:
        raise ModelError(
            f"model {entry.name!r}: {path} is damaged or another file (sha256 {found[:12]}, "
            f"expected {file.sha256[:12]}); replace it, or {REMEDY}"
        )
    return path
