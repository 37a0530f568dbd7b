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
LONGEST_FIELD = 2**28
BLOCK = 2**22


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

    def broken_rows(self) -> list[tuple[int, str, int]]:
        """Find line, text and number of fields of each broken row."""
        width = len(self.headers)
        return [
            (line, self.delimiter.join(fields), len(fields))
            for line, fields in self._records()
            if len(fields) != width
        ]

    @property
    def aside(self):
        import pandas as pd

        rows = self.broken_rows() if self.broken else []
        wide = len(self.headers)
        return pd.DataFrame(
            {
                "line": pd.array([r[0] for r in rows], dtype="Int64"),
                "column": pd.Series([None] * len(rows), dtype="str"),
                "value": pd.Series([r[1][:80] for r in rows], dtype="str"),
                "reason": pd.Series(
                    [f"{r[2]} fields, where the header has {wide}" for r in rows], dtype="str"
                ),
            }
        )

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


def read(path: Path) -> list[Export]:
    """Read a CSV file as text.

    Raises
    ------
    ExportError
        If the file is empty, cannot be decoded, or opens a quotation mark for good.
    """
    encoding = _encoding(path)
    try:
        headers, delimiter, lines = _header(path, encoding)
        rows, broken = _rows(path, encoding, headers, delimiter, lines)
    except UnicodeDecodeError as error:
        raise ExportError(
            f"{path.name} is neither UTF-8 nor Windows-1252 text. Save it as CSV UTF-8."
        ) from error
    export = Export(path, rows, broken, delimiter, encoding)
    _check_quotes(export)
    return [export]


def _rows(
    path: Path, encoding: str, headers: list[str], delimiter: str, lines: int
) -> tuple[pa.Table, list[arrow_csv.InvalidRow]]:
    broken: list[arrow_csv.InvalidRow] = []

    def put_aside(row: arrow_csv.InvalidRow) -> str:
        broken.append(row)
        return "skip"

    def attempt(block_size: int) -> pa.Table:
        broken.clear()
        return arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                column_names=headers,
                skip_rows=lines,
                encoding="utf8" if encoding.startswith("utf-8") else encoding,
                block_size=block_size,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=put_aside
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in headers}, strings_can_be_null=False
            ),
        )

    empty = pa.table({name: pa.array([], pa.string()) for name in headers})
    try:
        return attempt(BLOCK), broken
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip initial" in str(error):
            return empty, broken
        if "straddling" not in str(error):
            raise ExportError(f"{path.name} cannot be read as CSV: {error}") from error
    try:  # a field longer than a block: the file is read in one
        return attempt(min(path.stat().st_size * 4 + 1, 2**31 - 1)), broken
    except pa.ArrowInvalid as error:
        raise ExportError(f"{path.name} cannot be read as CSV: {error}") from error


def _check_quotes(export: Export) -> None:
    """Stop at a quotation mark that is never closed: it would swallow the rows behind it.

    Raises
    ------
    ExportError
        Naming the line where the row begins.
    """
    if export.rows.num_rows == 0:
        return
    last = export.rows.num_rows - 1
    ends_open = any("\n" in (column[last].as_py() or "") for column in export.rows.columns)
    if ends_open and export.path.read_bytes().count(b'"') % 2:
        line = export.lines({last}).get(last, last)
        raise ExportError(
            f"{export.name}, line {line}: a quotation mark is opened and never closed. Close it, "
            "or double it if it belongs to the text."
        )


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


def _header(path: Path, encoding: str) -> tuple[list[str], str, int]:
    """Read the names of the columns, the delimiter, and how many lines they take."""
    with path.open(encoding=encoding, newline="") as stream:
        line = stream.readline(LONGEST_FIELD).lstrip("\ufeff")
        if not line.strip():
            raise ExportError(f"{path.name}, line 1: the file is empty, or its first line is.")
        split = {mark: next(csv.reader([line], delimiter=mark)) for mark in DELIMITERS}
        delimiter = max(DELIMITERS, key=lambda mark: len(split[mark]))
        stream.seek(0)
        csv.field_size_limit(LONGEST_FIELD)
        reader = csv.reader(stream, delimiter=delimiter)
        names = [name.strip().lstrip("\ufeff").strip('"') for name in next(reader)]
        return _unique(names), delimiter, reader.line_num


def _unique(names: list[str]) -> list[str]:
    """Number the headers that stand twice or not at all, so that each has a name.

    Upper and lower case do not tell two columns apart.
    """
    unique: list[str] = []
    taken: set[str] = set()
    for position, name in enumerate(names, start=1):
        name = told = name or f"column {position}"
        number = 1
        while told.casefold() in taken:
            number += 1
            told = f"{name} ({number})"
        taken.add(told.casefold())
        unique.append(told)
    return unique
