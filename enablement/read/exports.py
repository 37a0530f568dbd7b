"""The files of an export, as text: nothing is typed, renamed or dropped here."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa

from enablement.errors import ExportError, choices
from enablement.read import archives, contents, csvs, parquets, workbooks
from enablement.read.contents import Content
from enablement.read.records import Lines, Records

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".gz", ".xls", ".xlsx", ".xlsm")
OTHERS = ".toml .md .rst .py .ipynb .json .yaml .yml .ini .cfg .lock .sql .sh .js .css .tex .log"
NO_TABLES = frozenset(OTHERS.split())
REGULAR = 0.5


def _second(wanted: set[int]) -> dict[int, int]:
    return {row: row + 2 for row in wanted}


@dataclasses.dataclass(frozen=True)
class Export:
    """One table of one file, every cell as the text that stands in it.

    path : the file in the folder
    part : "" or what is meant of it: a sheet of a workbook, a member of an archive
    rows : text columns ("" for an empty cell) under the file's own headers, in its order
    aside : records after the header that are no rows: ``line``, ``column``, ``value`` (cut at
        80 letters), ``reason``. Broken ones, empty ones, totals, lines of a footer
    read_as : how it was read, such as ``CSV, semicolons, cp1252``
    notes : what is worth telling, with a count
    within : the folder inside the export's, for messages, such as ``snapshots/2026-06-30/``
    locate : finds the lines of rows; the second line is the first row's unless told otherwise
    """

    path: Path
    part: str
    rows: pa.Table
    aside: pd.DataFrame
    read_as: str
    notes: list[tuple[str, int]]
    locate: Lines = dataclasses.field(default=_second, repr=False, compare=False)
    within: str = ""

    @property
    def name(self) -> str:
        """The file and the part of it, for messages: unique in the folder."""
        file = f"{self.within}{self.path.name}"
        return f"{file}, {self.part}" if self.part else file

    @property
    def headers(self) -> list[str]:
        """The file's own column names."""
        return self.rows.column_names

    def lines(self, wanted: set[int]) -> dict[int, int]:
        """Find the line in the file of some rows (the first row is 0); in a sheet, its rows.

        A row can span lines, so the file may be walked; only messages need this.
        """
        return self.locate(wanted)


def find(folder: Path) -> list[Path]:
    """List the files of a folder that can be read, by name; what they are, their bytes say.

    Raises
    ------
    ExportError
        If there is no such folder, or no such file in it.
    """
    files, passed = _sorted_out(folder)
    if files:
        return files
    why = f" {' '.join(passed)}" if passed else " Put the CRM's exports there, as .csv or .xlsx."
    raise ExportError(f"{folder} has no CSV file and no workbook.{why}")


def passed_over(folder: Path) -> list[str]:
    """Say in a line each which files of a folder are not read, and why.

    Settings, notebooks and other files that are no exports by their name are not mentioned.
    """
    return _sorted_out(folder)[1]


def _sorted_out(folder: Path) -> tuple[list[Path], list[str]]:
    files, passed = [], []
    for path in _inside(folder):
        if _is_no_export(path) or _is_plain_folder(path):
            continue
        try:
            _check_there(path)
            _check_readable(path)
            files.append(path)
        except ExportError as error:
            passed.append(str(error))
    return files, passed


def _inside(folder: Path) -> list[Path]:
    """List what lies in a folder, by name."""
    try:
        if folder.is_dir():
            return sorted(folder.iterdir())
    except OSError as error:  # it may not be looked into, or its name is too long
        raise ExportError(f"{folder} cannot be opened: {error.strerror}.") from error
    if folder.exists():
        raise ExportError(f"{folder} is a file. Name the folder it lies in: {folder.parent}.")
    raise ExportError(f"There is no folder {folder}. {choices(folder.name, _beside(folder))}")


def _is_plain_folder(path: Path) -> bool:
    """Say whether it is a folder whose name is not that of a table."""
    return os.path.isdir(path) and path.suffix.casefold() not in TABLE_SUFFIXES


def _check_there(path: Path) -> None:
    """Refuse what only has the name of a file, before it is opened: a pipe never ends.

    Raises
    ------
    ExportError
        Saying what it is.
    """
    if not os.path.isfile(path):  # `Path.is_file` fails where the folder may not be looked into
        what = "a folder" if os.path.isdir(path) else "no file, or a link that leads to none"
        raise ExportError(f"{path.name} is {what}.")


def _is_no_export(path: Path) -> bool:
    hidden = path.name.startswith((".", "~$"))
    return hidden or path.name in archives.NOT_DATA or path.suffix.casefold() in NO_TABLES


def _check_readable(path: Path) -> None:
    """Look at the first bytes; a text without a table's name must be laid out as a table.

    Raises
    ------
    ExportError
        Saying what it is instead.
    """
    content = contents.of(path)
    if contents.kind(content) != contents.TEXT or path.suffix.casefold() in TABLE_SUFFIXES:
        return
    plan = csvs.layout(content)
    if len(plan.names) < 2 or plan.regular < REGULAR:
        raise ExportError(f"{path.name} is a text without columns. Name it .csv if it is a table.")


def _beside(folder: Path) -> list[str]:
    if not folder.parent.is_dir():
        return []
    names = (path.name for path in folder.parent.iterdir() if path.is_dir())
    return sorted(name for name in names if not name.startswith("."))


def read(path: Path) -> list[Export]:
    """Read a file: one table, or one for each sheet or member that holds one.

    Raises
    ------
    ExportError
        If it is none of the formats that are read, damaged, empty or larger than the limits.
    """
    return [
        Export(path, part, one.rows, one.aside, one.read_as, one.notes, one.lines)
        for one in _tables(contents.of(path))
        for part in (one.part,)
    ]


def _tables(content: Content) -> list[Records]:
    kind = contents.kind(content)
    if kind == contents.GZIP:
        return _gzipped(content)
    if kind == contents.ZIP:
        return _zipped(content)
    return _table(content, kind)


def _table(content: Content, kind: str) -> list[Records]:
    if kind == contents.WORKBOOK:
        return workbooks.read(content)
    return [parquets.read(content) if kind == contents.PARQUET else csvs.read(content)]


def _gzipped(outer: Content) -> list[Records]:
    inner = archives.gzipped(outer)
    kind = contents.kind(inner)
    if kind in (contents.GZIP, contents.ZIP):
        raise ExportError(f"{outer.name} holds another archive. Unpack it into the folder.")
    return _table(inner, kind)


def _zipped(outer: Content) -> list[Records]:
    """Read every member that is a table; what is none is told with the first one."""
    found: list[Records] = []
    inside, passed = archives.members(outer)
    for member in inside:
        try:
            kind = contents.kind(member)
            if kind in (contents.GZIP, contents.ZIP):
                raise ExportError(f"{member.name} is another archive. Unpack it into the folder.")
            if kind == contents.TEXT and Path(member.part).suffix.casefold() in NO_TABLES:
                continue
            found += _table(member, kind)
        except ExportError as error:
            passed.append(str(error))
    if not found:
        why = f" {' '.join(passed)}" if passed else ""
        raise ExportError(f"{outer.name} holds no table that can be read.{why}")
    found[0].notes.extend((line, 1) for line in passed)
    return found
