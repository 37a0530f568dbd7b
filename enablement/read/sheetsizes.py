"""How large a workbook is inside, before a reader that needs all of it in memory opens it."""

from __future__ import annotations

import copy
import dataclasses
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from enablement.errors import ExportError
from enablement.read.archives import check_size
from enablement.read.contents import COMPOUND, Content
from enablement.read.limits import MOST_CELLS, UNCHECKED

BLOCK = 2**20
SIZELESS = 2**62
PLAIN_CELL = re.compile(rb' r="([A-Z]{1,3})')
ANY_CELL = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})[0-9]""")
PLAIN_CELL_ROW = re.compile(rb' r="[A-Z]{1,3}([0-9]{1,9})')
ANY_CELL_ROW = re.compile(rb"""\sr\s*=\s*["'][A-Za-z]{1,3}([0-9]{1,9})""")
FAR = re.compile(rb"""r\s*=\s*["'](?:[A-Za-z]{4}|[A-Za-z]{1,3}[0-9]{8})""")
NOWHERE = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["'](?:[A-Za-z]{4}|[A-Za-z]{1,3}[0-9]{8})""")
PLAIN_ROW = re.compile(rb'<row[^>]* r="([0-9]+)"')
ANY_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\sr\s*=\s*["']([0-9]+)""")
ROWS = re.compile(rb"<(?:\w+:)?row\b")
CELLS = re.compile(rb"<(?:\w+:)?c[\s>/]")
UNCALCULATED = re.compile(rb"(?:</f>|<f/>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
REPEATS = re.compile(
    rb"<(table:table)[ >]|<table:table-(row)\b([^>]*)>|<table:(?:covered-)?table-(cell)\b([^>]*)>"
)
TIMES = re.compile(rb'table:number-(?:rows|columns)-repeated="([0-9]+)"')
END_OF_TEXT = re.compile(rb"</(?:\w+:)?si>")
LONGEST_TAG = 32
REFERENCE = re.compile(rb"""\st\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v[^>]*>\s*([0-9]{1,9})""")
VALUED = b"office:value-type"
# Records of the binary format: a row, cells, a cell that shows a shared text, and such a text.
ROW_RECORD, CELL_RECORDS, SHOWING, TEXT_RECORD = 0, range(1, 12), 7, 19
LOOKED_AT = 12  # bytes at the beginning of a record


@dataclasses.dataclass
class Cells:
    """What the cells of a workbook are like.

    errors : that hold an error such as #N/A
    uncalculated : formulas without a result
    texts : bytes of each text that cells share
    references : cells that show one of them
    repeated : bytes of all texts where cells and rows are repeated, with what is around them
    """

    errors: int = 0
    uncalculated: int = 0
    texts: list[int] = dataclasses.field(default_factory=list)
    references: int = 0
    repeated: int = 0

    def notes(self) -> list[tuple[str, int]]:
        """Say it, with the counts."""
        said = [
            ("cells of the workbook hold an error such as #N/A and are empty", self.errors),
            (
                "formulas of the workbook have no result: open it in a spreadsheet program and "
                "save it",
                self.uncalculated,
            ),
        ]
        return [(note, count) for note, count in said if count]


def check(content: Content) -> Cells:
    """Count what a workbook unpacks to and how far its sheets reach.

    Raises
    ------
    ExportError
        If it is larger than the limits, or damaged.
    """
    found = Cells()
    if content.head().startswith(COMPOUND):
        return found  # not packed, and a sheet of that format ends at column IV
    packed, unpacked = content.path.stat().st_size, 0
    try:
        with content.seekable() as held, zipfile.ZipFile(held) as archive:
            for info in archive.infolist():
                reach = _reach(info.filename, found)
                for block in _blocks(archive, info):
                    unpacked += len(block)
                    check_size(content.name, unpacked, packed)
                    reach.feed(block)
                    _check_cells(content.name, reach)
                    check_size(content.name, found.repeated, packed)
            if max(found.texts, default=0) * found.references > UNCHECKED:
                check_size(content.name, _shown(archive, found.texts), packed)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError
    ) as error:  # fmt: skip
        raise ExportError(
            f"{content.name} is a workbook that is damaged or cut off. Fetch it again."
        ) from error
    return found


def _shown(archive: zipfile.ZipFile, texts: list[int]) -> int:
    """Count the bytes of shared texts as often as cells show them: a reader copies each."""
    total = 0
    for info in archive.infolist():
        if isinstance(reach := _reach(info.filename, Cells()), (_Binary, _Xml)):
            named = _named_binary if isinstance(reach, _Binary) else _named_xml
            shown = named(_blocks(archive, info))
            total += sum(texts[number] for number in shown if number < len(texts))
    return total


def _named_xml(blocks: Iterable[bytes]) -> Iterator[int]:
    """List the numbers of the shared texts that the cells of a sheet show."""
    left = b""
    for block in blocks:
        data = left + block
        cut = data.rfind(b"<c") + 1 or len(data)
        tags, left = data[:cut], data[cut:][-BLOCK:]
        yield from map(int, REFERENCE.findall(tags))
    yield from map(int, REFERENCE.findall(left))


def _named_binary(blocks: Iterable[bytes]) -> Iterator[int]:
    records = _Records()
    for block in blocks:
        for kind, _, start in records.of(block):
            if kind == SHOWING:
                yield int.from_bytes(start[8:12], "little")


def _check_cells(name: str, reach: Reach) -> None:
    if reach.rows >= SIZELESS:
        raise ExportError(
            f"{name} has a cell where no sheet has one. Open it in a spreadsheet program and save "
            "it again as .xlsx."
        )
    cells = reach.rows * reach.columns
    if cells > MOST_CELLS:
        raise ExportError(
            f"{name} has a sheet that reaches over {reach.rows:,} rows and {reach.columns:,} "
            f"columns; at most {MOST_CELLS:,} cells are read. Delete what lies behind the table, "
            "or save it as CSV."
        )


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a member whatever size it claims to have."""
    unbound = copy.copy(info)
    unbound.file_size = SIZELESS
    with archive.open(unbound) as stream:
        while block := stream.read(BLOCK):
            yield block


class Reach:
    """How far the filled cells of a sheet reach; of other members of a workbook, nowhere."""

    rows, columns = 0, 0

    def feed(self, block: bytes) -> None:
        """Look at the next bytes of the member."""


def _reach(name: str, found: Cells) -> Reach:
    low = name.casefold()
    if low == "content.xml":
        return _OpenDocument(found)
    if low.endswith("sharedstrings.xml"):
        return _Shared(found)
    if low.endswith("sharedstrings.bin"):
        return _BinaryTexts(found)
    if low.endswith(".bin"):
        return _Binary(found) if "sheet" in low else Reach()
    return _Xml(found)


class _Shared(Reach):
    """The texts that cells share; how long each is."""

    def __init__(self, found: Cells) -> None:
        self._found, self._left, self._long = found, b"", 0

    def feed(self, block: bytes) -> None:
        *whole, rest = END_OF_TEXT.split(self._left + block)
        for text in whole:
            self._found.texts.append(self._long + len(text))
            self._long = 0
        self._left = rest[-LONGEST_TAG:]
        self._long += len(rest) - len(self._left)


class _Xml(Reach):
    def __init__(self, found: Cells) -> None:
        self._found, self._left = found, b""
        self._numbered, self._unnumbered, self._lettered, self._unlettered = 0, 0, 0, 0

    def feed(self, block: bytes) -> None:
        data = self._left + block
        cut = data.rfind(b"<")
        tags, self._left = (data[:cut], data[cut:]) if cut > 0 else (b"", data[-BLOCK:])
        if b"row" not in tags and b":c" not in tags and b"<c" not in tags:
            return
        self._count(tags)
        self._found.errors += tags.count(b' t="e"')
        self._found.references += tags.count(b'="s"') + tags.count(b"='s'")
        self._found.uncalculated += len(UNCALCULATED.findall(tags))
        self.rows = self._numbered + self._unnumbered
        self.columns = self._lettered + self._unlettered

    def _count(self, tags: bytes) -> None:
        plain = b":c" not in tags and b":row" not in tags
        cells = tags.count(b"<c ") if plain else len(CELLS.findall(tags))
        letters = (PLAIN_CELL if plain else ANY_CELL).findall(tags)
        if len(letters) < cells or b"<c>" in tags or b"<c/" in tags:
            letters = ANY_CELL.findall(tags)
            of_rows = [len(CELLS.findall(row)) for row in ROWS.split(tags)]
            if len(letters) < sum(of_rows):
                self._unlettered = max(self._unlettered, *of_rows)
        self._lettered = max([self._lettered, *map(_column, set(letters))])
        rows = (PLAIN_ROW if plain else ANY_ROW).findall(tags)
        there = tags.count(b"<row") if plain else len(ROWS.findall(tags))
        if len(rows) < there:
            rows = ANY_ROW.findall(tags)
        self._unnumbered += max(0, there - len(rows))
        # A reader makes room up to the row that a cell names, whatever row it stands in.
        all_plain = plain and len(letters) == cells
        named = set((PLAIN_CELL_ROW if all_plain else ANY_CELL_ROW).findall(tags))
        self._numbered = max([self._numbered, *(int(n[:9]) for n in (*rows, *named))])
        if FAR.search(tags) and NOWHERE.search(tags):
            self._numbered = SIZELESS


def _column(letters: bytes) -> int:
    """Read a column's letters as its number: A is 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


class _OpenDocument(Reach):
    """Rows and cells may be repeated; behind the last one with a value they count for nothing."""

    def __init__(self, found: Cells) -> None:
        self._found, self._left, self._weight = found, b"", 0
        self._at, self._times, self._column = 0, 0, 0

    def feed(self, block: bytes) -> None:
        data = self._left + block
        cut = data.rfind(b"<")
        tags, self._left = (data[:cut], data[cut:]) if cut > 0 else (b"", data[-BLOCK:])
        at = 0
        for match in REPEATS.finditer(tags):
            table, row, of_row, _, of_cell = match.groups(b"")
            self._found.repeated += self._weight * (match.start() - at)
            at, self._weight = match.end(), 0
            if table:
                self._at, self._times, self._column = 0, 0, 0
            elif row:
                self._at += self._times
                self._times, self._column = _times(of_row), 0
            else:
                self._column += _times(of_cell)
                if VALUED in of_cell:
                    self._weight = self._times * _times(of_cell)
                    self.columns = max(self.columns, self._column)
                    self.rows = max(self.rows, self._at + self._times)
        self._found.repeated += self._weight * (len(tags) - at)


def _times(attributes: bytes) -> int:
    found = TIMES.search(attributes)
    return int(found[1][:9]) if found else 1


class _Records:
    """The records of the binary format: each has a kind, a size and so many bytes."""

    def __init__(self) -> None:
        self._left, self._skip = b"", 0

    def of(self, block: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Give of each record that begins in the next bytes the kind, the size and its start."""
        data, at = self._left + block[self._skip :], 0
        self._skip = max(0, self._skip - len(block))
        while (found := _record(data, at)) is not None:
            kind, begin, size = found
            if begin + min(size, LOOKED_AT) > len(data):
                break
            yield kind, size, data[begin : begin + min(size, LOOKED_AT)]
            at = begin + size
        self._left, self._skip = data[at:], self._skip + max(0, at - len(data))


class _Binary(Reach):
    """Rows and cells begin with their number."""

    def __init__(self, found: Cells) -> None:
        self._found, self._records = found, _Records()

    def feed(self, block: bytes) -> None:
        for kind, _, start in self._records.of(block):
            if kind == ROW_RECORD:
                self.rows = max(self.rows, int.from_bytes(start[:4], "little") + 1)
            elif kind in CELL_RECORDS:
                self.columns = max(self.columns, int.from_bytes(start[:4], "little") + 1)
                self._found.references += kind == SHOWING


class _BinaryTexts(Reach):
    def __init__(self, found: Cells) -> None:
        self._found, self._records = found, _Records()

    def feed(self, block: bytes) -> None:
        for kind, size, _ in self._records.of(block):
            if kind == TEXT_RECORD:
                self._found.texts.append(size)


def _record(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Read the head of a record: its kind, where its bytes begin, and how many they are."""
    numbers = []
    for longest in (2, 4):
        value = 0
        for place in range(longest):
            if at >= len(data):
                return None
            byte = data[at]
            at += 1
            value |= (byte & 127) << 7 * place
            if byte < 128:
                break
        numbers.append(value)
    return numbers[0], at, numbers[1]
