"""What gzip files and zip archives hold, read in memory and never written to a disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import pyarrow as pa

from enablement.errors import ExportError
from enablement.read.contents import Content, Readable
from enablement.read.limits import MOST_EXPANSION, MOST_MEMBERS, MOST_UNPACKED, UNCHECKED

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)
NOT_DATA = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class Limited:
    """Unpacked bytes, which end with an error where the limits of `limits` are passed."""

    def __init__(self, stream: Readable, name: str, packed: int) -> None:
        self._stream, self._name, self._packed = stream, name, max(packed, 1)
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        """Give up to so many bytes.

        Raises
        ------
        ExportError
            If the archive is damaged, or its contents are larger than the limits.
        """
        try:
            block = self._stream.read(size)
        except DAMAGED as error:
            raise ExportError(
                f"{self._name} is damaged or cut off and cannot be unpacked. Fetch it again."
            ) from error
        self._given += len(block)
        check_size(self._name, self._given, self._packed)
        return block

    def close(self) -> None:
        """Let go of the archive."""
        self._stream.close()


def check_size(name: str, unpacked: int, packed: int) -> None:
    """Hold what is unpacked against the limits.

    Raises
    ------
    ExportError
        If it is too much, or too much for so small a file.
    """
    if unpacked > MOST_UNPACKED:
        raise ExportError(
            f"{name} unpacks to more than {MOST_UNPACKED / 2**30:.0f} GB. Export it in parts, by "
            "year for example."
        )
    if unpacked > UNCHECKED and unpacked > packed * MOST_EXPANSION:
        raise ExportError(
            f"{name} unpacks to more than {MOST_EXPANSION} times its size, as no export does. "
            "If it is one, unpack it into the folder."
        )


def gzipped(outer: Content) -> Content:
    """Open what a gzip file holds."""
    size = outer.path.stat().st_size

    def opened() -> Readable:
        packed = pa.OSFile(str(outer.path)) if not outer.packed else pa.BufferReader(outer.whole())
        return Limited(pa.CompressedInputStream(packed, "gzip"), outer.name, size)

    return Content(outer.path, outer.part, opened, packed="gzip")


def members(outer: Content) -> tuple[list[Content], list[str]]:
    """List what a zip archive holds, and say what is not read.

    Returns
    -------
    list of Content
        The members, under their names inside; nothing is written under them.
    list of str
        A line for each member that is passed over.

    Raises
    ------
    ExportError
        If there are too many, or they unpack to more than the limits.
    """
    with zipfile.ZipFile(outer.path) as archive:
        infos = [info for info in archive.infolist() if not _is_noise(info)]
    if len(infos) > MOST_MEMBERS:
        raise ExportError(
            f"{outer.name} holds {len(infos):,} files; at most {MOST_MEMBERS:,} are read. Unpack "
            "it, and put the exports into the folder."
        )
    check_size(outer.name, sum(info.file_size for info in infos), outer.path.stat().st_size)
    passed = [f"{_shown(info.filename)} {why}" for info in infos if (why := _unreadable(info))]
    return [_member(outer.path, info) for info in infos if not _unreadable(info)], passed


def _is_noise(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    return info.is_dir() or not parts or any(part in NOT_DATA for part in parts)


def _unreadable(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link to another file and is not followed"
    return "is protected with a password" if info.flag_bits & 1 else ""


def _member(path: Path, info: zipfile.ZipInfo) -> Content:
    part = _shown(info.filename)

    def opened() -> Readable:
        archive = zipfile.ZipFile(path)
        try:
            stream = archive.open(info)
        except DAMAGED as error:
            raise ExportError(
                f"{path.name}, {part} cannot be unpacked: {error}. Unpack it into the folder."
            ) from error
        finally:
            archive.close()  # the file stays open until its last member is closed
        return Limited(stream, f"{path.name}, {part}", info.compress_size)

    return Content(path, part, opened, packed="zip")


def _shown(name: str) -> str:
    """Write a member's name without what leads out of the archive, fit for a message."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    text = "".join(sign if sign.isprintable() else "?" for sign in "/".join(parts))
    return text if len(text) <= 120 else f"...{text[-117:]}"
