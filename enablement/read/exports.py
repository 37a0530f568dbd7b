"""The files of an export, as text: nothing is typed, renamed or dropped here."""

from __future__ import annotations

import codecs
import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from enablement.errors import ExportError, choices

DELIMITERS = (",", ";", "\t", "|")
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LONGEST_FIELD = 2**24


@dataclasses.dataclass(frozen=True)
class Export:
    """One file, every cell as the text that stands in it.

    path : where it lies
    rows : text columns under the file's own headers, in the file's order
    broken : rows whose number of fields is not that of the header
    delimiter, encoding : how it was read
    """

    path: Path
    rows: pa.Table
    broken: list[arrow_csv.InvalidRow]
    delimiter: str
    encoding: str

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    @property
    def headers(self) -> list[str]:
        """The file's own column names."""
        return self.rows.column_names

    def lines(self, wanted: set[int]) -> dict[int, int]:
        """Find the line in the file of some rows (the first row of data is 0).

        A row can span lines, so the file is walked; only messages need this.
        """
        found = {}
        for row, (line, _) in enumerate(self._fitting()):
            if row in wanted:
                found[row] = line
            if len(found) == len(wanted):
                break
        return found

    def broken_lines(self) -> list[int]:
        """Find the line in the file of each broken row."""
        width = len(self.headers)
        return [line for line, fields in self._records() if len(fields) != width]

    def _fitting(self) -> Iterator[tuple[int, list[str]]]:
        width = len(self.headers)
        return (record for record in self._records() if len(record[1]) == width)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_FIELD)
        with self.path.open(encoding=self.encoding, newline="") as stream:
            reader = csv.reader(stream, delimiter=self.delimiter)
            next(reader)
            before = reader.line_num
            for fields in reader:
                if fields:
                    yield before + 1, fields
                before = reader.line_num


def find(folder: Path) -> list[Path]:
    """List the files of an export folder, by name.

    Raises
    ------
    ExportError
        If there is no such folder, or no CSV file in it.
    """
    if not folder.is_dir():
        raise ExportError(f"There is no folder {folder}. {choices(folder.name, _beside(folder))}")
    files = sorted(p for p in folder.iterdir() if p.suffix.casefold() == ".csv" and p.is_file())
    if not files:
        raise ExportError(f"{folder} has no CSV file. Put the CRM's exports there, as .csv.")
    return files


def _beside(folder: Path) -> list[str]:
    if not folder.parent.is_dir():
        return []
    names = (path.name for path in folder.parent.iterdir() if path.is_dir())
    return sorted(name for name in names if not name.startswith("."))


def read(path: Path) -> Export:
    """Read a CSV file as text.

    Raises
    ------
    ExportError
        If the file is empty or cannot be decoded.
    """
    encoding = _encoding(path)
    headers, delimiter = _header(path, encoding)
    broken: list[arrow_csv.InvalidRow] = []

    def put_aside(row: arrow_csv.InvalidRow) -> str:
        broken.append(row)
        return "skip"

    try:
        rows = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                column_names=headers,
                skip_rows=1,
                encoding="utf8" if encoding.startswith("utf-8") else encoding,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=put_aside
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in headers}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise ExportError(f"{path.name} cannot be read as CSV: {error}") from error
        rows = pa.table({name: pa.array([], pa.string()) for name in headers})
    return Export(path, rows, broken, delimiter, encoding)


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
        for mark, encoding in MARKS.items():
            if start.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        stream.seek(0)
        try:
            while block := stream.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    with path.open(encoding=encoding, newline="", errors="replace") as stream:
        line = stream.readline(LONGEST_FIELD)
    if not line.strip():
        raise ExportError(f"{path.name}, line 1: the file is empty, or its first line is.")
    split = {mark: next(csv.reader([line], delimiter=mark)) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: len(split[mark]))
    return _unique([name.strip() for name in split[delimiter]]), delimiter


def _unique(names: list[str]) -> list[str]:
    """Number the headers that stand twice or not at all, so that each has a name."""
    seen: dict[str, int] = {}
    unique = []
    for position, name in enumerate(names, start=1):
        name = name or f"column {position}"
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
