"""What was read once is kept as Parquet, under a name made of what it was read from."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import duckdb

from enablement import settings as workspace
from enablement.errors import ExportError
from enablement.read.contents import opened
from enablement.settings import Settings

KEPT = 20  # readings; the least recently used one goes first
VARIABLE = "ENABLEMENT_CACHE"
BEGUN = "begun-"
CONTENTS = "contents.json"  # of a reading: file -> its size
DAY = 86_400.0
FULL = os.strerror(errno.ENOSPC)


def folder() -> Path | None:
    """Find where readings are kept.

    It is what ``ENABLEMENT_CACHE`` names (``off``: nowhere), else ``data/out/cache`` of the
    workspace; a folder that is no workspace gets none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return None if named == "off" else Path(named).expanduser().resolve()
    root = workspace.root()
    return root / "data" / "out" / "cache" if (root / "data").is_dir() else None


def key(paths: Mapping[str, Path], settings: Settings) -> str:
    """Name a reading: by the content of every file, the settings, and this code.

    Parameters
    ----------
    paths : what each file is called within the export -> where it lies; when it was
        written does not count
    settings : what is said of the export
    """
    with ThreadPoolExecutor() as pool:
        contents = list(pool.map(_content, paths.values()))
    said = repr(dataclasses.astuple(settings))
    named = [f"{name}\0{content}" for name, content in zip(paths, contents, strict=True)]
    return hashlib.sha256("\0".join([_code(), said, *named]).encode()).hexdigest()[:32]


def find(name: str) -> Path | None:
    """Find a reading that was kept whole, by this user, and has lost nothing since."""
    place = folder()
    if place is None or not _is_whole(place / name):
        return None
    with contextlib.suppress(OSError):
        os.utime(place / name)
    return place / name


def keep(name: str, write: Callable[[Path], None]) -> Path:
    """Keep a reading that `write` puts into the folder it is given.

    The folder gets its name once everything is in it. Where nothing can be kept, it lives
    as long as the process.

    Raises
    ------
    ExportError
        If the disk is full, or a table too wide for the memory.
    """
    begun, whole = _begun(name)
    try:
        write(begun)
        sizes = {path.name: path.stat().st_size for path in begun.iterdir()}
        (begun / CONTENTS).write_text(json.dumps(sizes), encoding="utf-8")
    except BaseException as error:
        shutil.rmtree(begun, ignore_errors=True)
        if FULL in str(error):
            raise ExportError(
                f"No space is left in {begun.parent} for what is read. Free some, or name another "
                f"folder in {VARIABLE}."
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise ExportError(
                "The export does not fit into the memory that is used for it. A table may have "
                "thousands of columns: export fewer."
            ) from error
        raise
    if whole is None:
        return begun
    kept = _named(begun, whole)
    _forget_old(whole.parent)
    return kept


def _named(begun: Path, whole: Path) -> Path:
    """Give a reading its name, in place of one that was cut off; say where it lies then."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            return begun.rename(whole)
        if _is_whole(whole):  # someone else has just kept the same
            shutil.rmtree(begun, ignore_errors=True)
            return whole
        with contextlib.suppress(OSError):
            whole.unlink() if whole.is_symlink() or whole.is_file() else shutil.rmtree(whole)
    return begun  # another user's bears the name


def _is_whole(place: Path) -> bool:
    """Say whether a reading is this user's own, and every file in it as long as it was written."""
    try:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != getattr(os, "geteuid", int)():
            return False
        sizes = json.loads((place / CONTENTS).read_text(encoding="utf-8"))
        return all((place / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _begun(name: str) -> tuple[Path, Path | None]:
    """Make the folder to write into, and say what it is to be called, if it can be kept."""
    place = folder()
    if place is not None:
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=BEGUN, dir=place)), place / name
    return Path(tempfile.mkdtemp(dir=_home().name)), None


def _forget_old(place: Path) -> None:
    """Remove the readings that were not used for longest, and what was cut off a day ago."""
    ages = {path: path.stat().st_mtime for path in place.iterdir() if path.is_dir()}
    whole = sorted((path for path in ages if not path.name.startswith(BEGUN)), key=ages.__getitem__)
    newest = max(ages.values())
    cut_off = [path for path in ages if path.name.startswith(BEGUN) and ages[path] < newest - DAY]
    for path in [*whole[:-KEPT], *cut_off]:
        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="enablement-")


def _content(path: Path) -> str:
    with opened(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


@functools.cache
def _code() -> str:
    """Name the code that reads: a reading made by another is not used."""
    found = hashlib.blake2b()
    for part in _sources(files("enablement.read")):
        found.update(part.read_bytes())
    for name in ("periods.py", "settings.py"):
        found.update((files("enablement") / name).read_bytes())
    return found.hexdigest()


def _sources(place: Traversable) -> Iterator[Traversable]:
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith((".py", ".sql", ".toml")):
            yield entry
