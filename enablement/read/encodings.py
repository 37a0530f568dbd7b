"""Texts in any of the encodings that exports come in, as one stream of UTF-8."""

from __future__ import annotations

import codecs
import dataclasses
import io
from typing import Any

from enablement.errors import ExportError
from enablement.read.contents import Content, Readable, wide

UTF8, CP1252 = "utf-8", "cp1252"
MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
NAMES = {UTF8: "UTF-8", CP1252: "cp1252"}
BLOCK = 2**22
RETURN = b"\r"
UNKNOWN = "\ufffd".encode()  # stands for a letter that cannot be read


class NotThisEncodingError(Exception):
    """A text that is not in the encoding it was taken to be in."""


class QuotedError(Exception):
    """A text that holds a quotation mark where none was to be."""


class Utf8(io.RawIOBase):
    """The bytes of a text as UTF-8, without a byte order mark and without NUL bytes.

    zeros : NUL bytes that were left out so far
    cut : bytes of a last letter that is not whole, as in a file that was cut off
    last : the last byte given so far
    plain : whether a quotation mark is refused
    """

    def __init__(self, stream: Readable, encoding: str, mark: bytes, skip: int = 0) -> None:
        super().__init__()
        self._stream, self._encoding, self._left = stream, encoding, b""
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._begun = b""  # of a letter that lies across the end of the last block
        # Whether the encoding is known for sure, so that half a letter at the end is one cut off.
        self._sure = bool(mark) or encoding != UTF8
        self.zeros, self.cut, self.last, self.plain = 0, 0, b"", False
        _drop(stream, len(mark))
        while skip and (block := self.read(skip)):
            skip -= len(block)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Give up to so many bytes, none at the end.

        A line end of two is given whole where that can be: Arrow leaves out a line feed at the
        beginning of a block, also one that belongs to a text, if the block before ended so.

        Raises
        ------
        NotThisEncodingError
            If the text turns out to be in another encoding.
        QuotedError
            If there is a quotation mark in a text that is to be plain.
        """
        if size < 0:
            return self.readall()
        while self._left in (b"", RETURN):
            block = self._stream.read(max(size, 2**16))
            self._left += self._as_utf8(block)
            if not block:
                break
        given, self._left = self._left[:size], self._left[size:]
        if len(given) > 1 and given.endswith(RETURN):
            given, self._left = given[:-1], RETURN + self._left
        self.last = given[-1:] or self.last
        if self.plain and b'"' in given:
            raise QuotedError
        return given

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; what `io` builds its readers on."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        super().close()

    def _as_utf8(self, block: bytes) -> bytes:
        if self._encoding == UTF8 and block and not self._begun and block.isascii():
            return self._without_zeros(block)
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            if block or not self._sure:
                raise NotThisEncodingError(self._encoding) from error
            self.cut, self._begun = len(error.object), b""
            self._decoder.reset()  # so that the next look at the end finds nothing
            return UNKNOWN
        if self._encoding == UTF8:
            self._sure = self._sure or not text.isascii()
            whole, self._begun = self._begun + block, self._decoder.getstate()[0]
            return self._without_zeros(whole[: len(whole) - len(self._begun)])
        return self._without_zeros(text.encode())

    def _without_zeros(self, block: bytes) -> bytes:
        if 0 not in block:
            return block
        self.zeros += block.count(0)
        return block.replace(b"\0", b"")


def _drop(stream: Readable, count: int) -> None:
    while count and (block := stream.read(count)):
        count -= len(block)


@dataclasses.dataclass(frozen=True)
class Text:
    """A content that is text, and how it is written.

    encoding : "utf-8", "cp1252", "utf-16-le" and so on
    mark : the byte order mark it begins with, or none
    """

    content: Content
    encoding: str
    mark: bytes = b""

    @property
    def read_as(self) -> str:
        """The encoding, for the reader."""
        if self.encoding in NAMES:
            return NAMES[self.encoding]
        return self.encoding.removesuffix("-le").removesuffix("-be").upper()

    def stream(self, skip: int = 0) -> Utf8:
        """Open it as UTF-8, so many bytes of UTF-8 behind its beginning."""
        return Utf8(self.content.open(), self.encoding, self.mark, skip)

    def lines(self, skip: int = 0) -> io.TextIOWrapper:
        """Open it line by line, whatever the line ends, which are kept."""
        buffered = io.BufferedReader(self.stream(skip), BLOCK)
        return io.TextIOWrapper(buffered, encoding=UTF8, newline="")

    def head(self, size: int) -> tuple[str, bool]:
        """Give the first letters, and whether that is all there is."""
        with self.stream() as stream:
            blocks, missing = [], size
            while missing > 0 and (block := stream.read(missing)):
                blocks.append(block)
                missing -= len(block)
            whole = missing > 0
        return b"".join(blocks).decode(UTF8, "strict" if whole else "ignore"), whole


def guess(content: Content) -> Text:
    """Tell by the first bytes how a text is written: by its mark, else by zeros, else UTF-8."""
    start = content.head()[:4096]
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return Text(content, encoding, mark)
    return Text(content, wide(start) or UTF8)


def other(text: Text) -> Text:
    """Give the encoding to try when a text is not in the one it was taken to be in.

    Raises
    ------
    ExportError
        If none is left.
    """
    if text.encoding == UTF8 and not text.mark:
        return Text(text.content, CP1252)
    tried = (
        "neither UTF-8 nor Windows-1252 text"
        if text.encoding == CP1252
        else (f"marked as {text.read_as}, but damaged")
    )
    raise ExportError(f"{text.content.name} is {tried}. Save it as CSV UTF-8.")
