"""What a file is, seen by its first bytes and never by its name alone."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from enablement.errors import ExportError

TEXT, WORKBOOK, PARQUET, GZIP, ZIP = "text", "workbook", "parquet", "gzip", "zip"
HEAD = 2**16
ZIPPED, COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
STARTS = {b"PAR1": PARQUET, b"\x1f\x8b": GZIP, b"PK\x05\x06": ZIP}
WRONG_STARTS = {
    b"%PDF": "a PDF",
    b"{\\rtf": "a document of a word processor",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"SQLite format 3": "a database",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
WRONG_TEXTS = {
    r"(?i)<(!doctype html|html|head|meta|table|style|body|div)\b": "a web page",
    r"(?i)<\?xml|<[a-z]+[ >]": "an XML document",
    r'\{\s*["}]|\[\s*[\[{\]]': "a JSON document",
}
SAVE_AS = "Export it as CSV, or open it in a spreadsheet program and save it as .xlsx"
AS_CSV = "Export it from the CRM as CSV or .xlsx"
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class Readable(Protocol):
    """Something whose bytes are read from front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """Give up to so many bytes, none at the end."""

    def close(self) -> None:
        """Let go of it."""


@dataclasses.dataclass(frozen=True)
class Content:
    """Bytes that can be opened again and again: a file, or what an archive holds.

    path : the file in the folder
    part : "" or the member inside, for messages
    open : gives the bytes from the first one on
    packed : "", "gzip" or "zip"
    """

    path: Path
    part: str
    open: Callable[[], Readable]
    packed: str = ""

    @property
    def name(self) -> str:
        """The file and the part of it, for messages."""
        return f"{self.path.name}, {self.part}" if self.part else self.path.name

    def head(self) -> bytes:
        """Give the first bytes."""
        stream = self.open()
        try:
            blocks, missing = [], HEAD
            while missing > 0 and (block := stream.read(missing)):
                blocks.append(block)
                missing -= len(block)
            return b"".join(blocks)
        finally:
            stream.close()

    def whole(self) -> bytes:
        """Give all bytes."""
        stream = self.open()
        try:
            blocks = []
            while block := stream.read(2**22):
                blocks.append(block)
            return b"".join(blocks)
        finally:
            stream.close()

    def seekable(self) -> BinaryIO:
        """Open it for a reader that goes back and forth; a member is held in memory whole."""
        return io.BytesIO(self.whole()) if self.packed else opened(self.path)


def of(path: Path) -> Content:
    """Make the content of a file as it lies in the folder."""
    return Content(path, "", lambda: opened(path, buffering=0))


def opened(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Open a file that has an end; nothing here waits for a device, whatever a link leads to.

    Raises
    ------
    ExportError
        If it cannot be opened, or is no file.
    """
    try:
        stream: BinaryIO = open(path, "rb", buffering, opener=_at_once)  # noqa: SIM115
    except OSError as error:
        raise ExportError(f"{path.name} cannot be opened: {error.strerror}.") from error
    found = os.fstat(stream.fileno())
    if stat.S_ISREG(found.st_mode) and found.st_size:
        return stream
    stream.close()
    if stat.S_ISREG(found.st_mode):  # what the system shows as files has no size, and may wait
        return io.BytesIO()
    raise ExportError(f"{path.name} is no file, or a link that leads to none.")


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def kind(content: Content) -> str:
    """Tell what a content is.

    Raises
    ------
    ExportError
        If it is something that is not read, with the way to a file that is.
    """
    head = content.head()
    if head.startswith(ZIPPED):
        return _zipped(content)
    if head.startswith(COMPOUND):
        return _compound(content, head)
    for start, known in STARTS.items():
        if head.startswith(start):
            return known
    for start, what in WRONG_STARTS.items():
        if head.startswith(start):
            raise ExportError(f"{content.name} is {what}, not a table. {AS_CSV}.")
    _check_text(content, head)
    return TEXT


def _zipped(content: Content) -> str:
    """Tell a workbook from an archive: both begin alike."""
    try:
        with content.seekable() as held, zipfile.ZipFile(held) as archive:
            names = set(archive.namelist())
            names |= {name.partition("/")[0] + "/" for name in names}
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                sheet = b"opendocument.spreadsheet" in archive.read("mimetype")
                return WORKBOOK if sheet else _refused(content, "a document")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise ExportError(
            f"{content.name} is an archive or workbook that is damaged or cut off. Fetch it again."
        ) from error
    if "[Content_Types].xml" in names:
        return WORKBOOK if "xl/" in names else _refused(content, "a document or a slide show")
    return ZIP


def _compound(content: Content, head: bytes) -> str:
    names = head if content.packed else _start(content, 2**20)
    if "EncryptedPackage".encode("utf-16-le") in names:
        raise ExportError(f"{content.name} is protected with a password. Save it without one.")
    found = any(word.encode("utf-16-le") in names for word in ("Workbook", "Book"))
    # The directory of a large file may lie anywhere; the reader of workbooks then tells.
    return WORKBOOK if found or len(names) >= 2**20 else _refused(content, "a document")


def _start(content: Content, size: int) -> bytes:
    stream = content.open()
    try:
        return stream.read(size)
    finally:
        stream.close()


def _refused(content: Content, what: str) -> str:
    raise ExportError(f"{content.name} is {what}, not a table. {AS_CSV}.")


def _check_text(content: Content, head: bytes) -> None:
    """Stop at a text that is no table, and at what is no text.

    Raises
    ------
    ExportError
        Saying what it is.
    """
    start = head[:4096]
    if not start.startswith(MARKS) and _is_binary(start):
        raise ExportError(f"{content.name} is neither a text nor a workbook. {AS_CSV}.")
    shown = start.replace(b"\0", b"").decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    for pattern, what in WRONG_TEXTS.items():
        if re.match(pattern, shown):
            raise ExportError(f"{content.name} is {what}, whatever its name. {SAVE_AS}.")
    if len(head) > 262 and head[257:262] == b"ustar":
        raise ExportError(f"{content.name} is a tar archive. Unpack it into the folder.")


def _is_binary(start: bytes) -> bool:
    """Many bytes that no text has; UTF-16 without a mark has every second byte zero."""
    if wide(start):
        return False
    odd = sum(start.count(byte) for byte in range(32) if byte not in b"\t\n\x0b\x0c\r\x1a\x1b")
    return odd * 10 > len(start)


def wide(start: bytes) -> str:
    """Name the UTF-16 that a text without a mark is in; "" if it is none."""
    pairs = len(start) // 2
    if pairs < 2:
        return ""
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if odd * 2 > pairs and even * 10 < pairs:
        return "utf-16-le"
    if even * 2 > pairs and odd * 10 < pairs:
        return "utf-16-be"
    return ""
