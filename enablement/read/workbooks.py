"""Workbooks: every sheet that holds a table, its cells as text; formulas are never worked out."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from enablement.errors import ExportError
from enablement.read import headers, sheetsizes
from enablement.read.contents import Content
from enablement.read.limits import MOST_LINES_BEFORE
from enablement.read.records import Records, settle

CHUNK = 20_000
EXACT = 1e15  # Excel keeps 15 digits of a number
HIDDEN, EMPTY = "is hidden", "is empty"
NO_TABLE = "has no table: nowhere two cells side by side"

Merged = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The rows of one sheet that are not blank, as text.

    numbers : where each stands in the sheet, from 1
    columns : the texts
    merged : first row, last row, first column, last column, from 0, of merged cells
    inexact : whole numbers with more digits than a workbook keeps
    """

    name: str
    numbers: np.ndarray
    columns: list[pa.ChunkedArray]
    merged: list[Merged]
    inexact: int

    def row(self, at: int) -> list[str]:
        """Give the texts of one row."""
        return [column[at].as_py() for column in self.columns]


def read(content: Content) -> list[Records]:
    """Read the sheets of a workbook that hold a table.

    Dates become ISO, booleans TRUE and FALSE, whole numbers have no decimal point. A
    percentage is the number that the cell holds: 10 % is 0.1. Cells with an error are
    empty, and counted. A cell that is merged downwards counts for each of its rows.

    Raises
    ------
    ExportError
        If it is protected, damaged, larger than the limits, or no sheet holds a table.
    """
    cells = sheetsizes.check(content)
    grids, passed = _grids(content)
    tables = [grid for grid in grids if _is_table(grid)] or grids[:1]
    passed += [(grid.name, NO_TABLE) for grid in grids if grid not in tables]
    if not tables:
        why = "; ".join(f"sheet {name} {reason}" for name, reason in passed) or "it has no sheets"
        raise ExportError(f"{content.name} holds no table: {why}.")
    found = [_table(content, grid) for grid in tables]
    found[0].notes.extend((f"sheet {name} {reason} and is not read", 1) for name, reason in passed)
    found[0].notes.extend(cells.notes())
    return found


def _grids(content: Content) -> tuple[list[_Grid], list[tuple[str, str]]]:
    grids: list[_Grid] = []
    passed: list[tuple[str, str]] = []
    try:
        with content.seekable() as held, CalamineWorkbook.from_filelike(held) as book:
            for at, about in enumerate(book.sheets_metadata):
                if about.typ != SheetTypeEnum.WorkSheet:
                    continue
                if about.visible != SheetVisibleEnum.Visible:
                    passed.append((about.name, HIDDEN))
                    continue
                grid = _grid(about.name, book.get_sheet_by_index(at), content.name)
                if len(grid.numbers):
                    grids.append(grid)
                else:
                    passed.append((about.name, EMPTY))
    except PasswordError as error:
        raise ExportError(
            f"{content.name} is protected with a password. Save it without one."
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise _damaged(content, error) from error
    except BaseException as error:  # a panic of the reader is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise _damaged(content, error) from error
    return grids, passed


def _damaged(content: Content, error: BaseException) -> ExportError:
    why = " ".join(str(error).split())[:80]
    return ExportError(
        f"{content.name} is a workbook that cannot be read ({why}). Open it in a spreadsheet "
        "program and save it again as .xlsx."
    )


def _grid(name: str, sheet: CalamineSheet, where: str) -> _Grid:
    """Take the cells out of a sheet, a chunk of rows at a time.

    Raises
    ------
    ExportError
        If one of the first rows fills more columns than are read.
    """
    if not sheet.height or sheet.start is None:
        return _Grid(name, np.array([], dtype=np.int64), [], [], 0)
    offset = sheet.start[1]
    merged = [(low[0], high[0], low[1] - offset, high[1] - offset) for low, high in _merged(sheet)]
    numbers: list[int] = []
    chunks: list[list[pa.Array]] = []
    inexact = 0
    rows = _filled_rows(sheet.iter_rows(), merged)
    first = list(islice(rows, MOST_LINES_BEFORE))
    headers.check_width(max((_width(row) for _, row in first), default=0), where)
    rows = chain(first, rows)
    while chunk := list(islice(rows, CHUNK)):
        numbers += [number for number, _ in chunk]
        cells = list(zip(*(row for _, row in chunk), strict=True))
        inexact += sum(map(_inexact, cells))
        chunks.append([pa.array(_texts(column), pa.string()) for column in cells])
    columns = [pa.chunked_array(list(parts), pa.string()) for parts in zip(*chunks, strict=True)]
    return _Grid(name, np.array(numbers, dtype=np.int64), columns, merged, inexact)


def _width(row: Sequence[Any]) -> int:
    return sum(cell != "" for cell in row)


def _merged(sheet: CalamineSheet) -> Iterable[Any]:
    try:
        return sheet.merged_cell_ranges or []
    except (CalamineError, AttributeError, ValueError):
        return []  # formats whose merged cells the reader does not know


def _filled_rows(
    rows: Iterable[Sequence[Any]], merged: list[Merged]
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Give the rows that are not blank; a cell merged downwards stands in each of its rows."""
    downwards: dict[int, list[Merged]] = {}
    for one in merged:
        if one[1] > one[0] and one[2] >= 0:
            downwards.setdefault(one[0], []).append(one)
    held: dict[int, tuple[int, Any]] = {}  # column -> last row, value
    for at, row in enumerate(rows):
        if held:
            row = _filled_in(row, held, at)
        for _, last, column, _ in downwards.get(at, ()):
            if column < len(row) and row[column] != "":
                held[column] = (last, row[column])
        if any(cell != "" for cell in row):
            yield at + 1, row


def _filled_in(row: Sequence[Any], held: dict[int, tuple[int, Any]], at: int) -> Sequence[Any]:
    blank = all(cell == "" for cell in row)
    for column, (last, value) in list(held.items()):
        if at > last:
            del held[column]
        elif not blank and row[column] == "":
            row = [*row[:column], value, *row[column + 1 :]]
    return row


def _inexact(cells: Sequence[Any]) -> int:
    return sum(1 for cell in cells if type(cell) is float and abs(cell) >= EXACT)


def _texts(cells: Sequence[Any]) -> Sequence[str]:
    kinds = set(map(type, cells))
    if kinds == {str}:
        return cells
    return [WRITERS.get(type(cell), str)(cell) for cell in cells]


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _span(value: dt.timedelta) -> str:
    """Write a span as hours, minutes and seconds; the hours may exceed 24."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _moment(value: dt.datetime) -> str:
    return value.isoformat(sep=" ")


WRITERS: dict[type, Callable[[Any], str]] = {
    str: str,
    float: _number,
    bool: lambda value: "TRUE" if value else "FALSE",
    dt.date: dt.date.isoformat,
    dt.datetime: _moment,
    dt.time: dt.time.isoformat,
    dt.timedelta: _span,
    type(None): lambda _: "",
}


def _is_table(grid: _Grid) -> bool:
    first = (grid.row(at) for at in range(min(len(grid.numbers), MOST_LINES_BEFORE)))
    return any(sum(1 for text in row if text.strip()) >= 2 for row in first)


def _table(content: Content, grid: _Grid) -> Records:
    first = [grid.row(at) for at in range(min(len(grid.numbers), MOST_LINES_BEFORE))]
    header, begin, title = _header(grid, first)
    columns = [column.slice(begin) for column in grid.columns]
    used = [at for at, name in enumerate(header) if headers.clean(name) or _has_text(columns[at])]
    names = headers.names([header[at] for at in used], content.name)
    numbers = grid.numbers[begin:]
    notes = []
    if title:
        said = " ".join(filter(str.strip, first[0]))[:60]
        notes.append((f"lines before the header, such as {said!r}", title))
    if grid.inexact:
        notes.append(("numbers of more than 15 digits, which a workbook rounds", grid.inexact))
    sheet = f"sheet {grid.name}"
    return settle(
        pa.table(dict(zip(names, (columns[at] for at in used), strict=True))),
        [],
        lambda wanted: {row: int(numbers[row]) for row in wanted if row < len(numbers)},
        part=f"{content.part}, {sheet}" if content.part else sheet,
        read_as=", ".join(filter(None, [content.packed, "workbook", sheet])),
        notes=notes,
    )


def _has_text(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.not_equal(column, "")).as_py())


def _header(grid: _Grid, first: list[list[str]]) -> tuple[list[str], int, int]:
    """Find the names of the columns, the first row behind them, and the lines before them.

    A name that is merged over several columns stands for each of them, with the name below.
    """
    at = headers.place(first)
    over = _groups(grid, at - 1) if at else []
    if over:
        return _joined(first[at - 1], first[at], over), at + 1, at - 1
    over = _groups(grid, at)
    if over and at + 1 < len(first) and _names_below(first[at + 1], over):
        return _joined(first[at], first[at + 1], over), at + 2, at
    return first[at], at + 1, at


def _groups(grid: _Grid, at: int) -> list[tuple[int, int]]:
    """Give the columns that cells of a row are merged over, unless it is a title over all."""
    row = int(grid.numbers[at]) - 1
    found = [(low, high) for top, _, low, high in grid.merged if top == row and high > low >= 0]
    wide = len(grid.columns)
    return [] if any(high - low + 1 >= wide for low, high in found) else found


def _names_below(row: list[str], over: list[tuple[int, int]]) -> bool:
    below = [row[at] for low, high in over for at in range(low, min(high + 1, len(row)))]
    return all(name.strip() and not headers.VALUE.fullmatch(name.strip()) for name in below)


def _joined(above: list[str], below: list[str], over: list[tuple[int, int]]) -> list[str]:
    spread = list(above)
    for low, high in over:
        spread[low : high + 1] = [above[low]] * (min(high + 1, len(above)) - low)
    return [
        f"{top} {name}".strip() if top != name else top
        for top, name in zip(spread, below, strict=True)
    ]
