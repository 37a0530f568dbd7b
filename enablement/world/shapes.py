"""How a file is written: CSV or XLSX, packed or not, and what stands around its table."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xlsxwriter

from enablement.errors import EnablementError

FORMATS = ("csv", "xlsx", "workbook", "gzip", "zip", "report")
REPORTS = ("Opportunity", "OpportunityHistory", "OpportunityFieldHistory")
"""Files that are reports in the format `report`."""
TOGETHER = {"workbook": "export.xlsx", "zip": "export.zip"}
"""Forms in which all files of an export are one, and its name."""
MADE_ON = dt.datetime(2026, 1, 1)
MOST_ROWS = 1_048_576
DAY, MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?")
FLAGS = {"true": True, "false": False}
Cell = str | float | bool | dt.datetime
Lines = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Shape:
    """How the file of one table is written.

    suffix : ending of the file's name
    sheet : whether it is a workbook, whatever its name ends with
    packed : whether it is compressed with gzip
    delimiter, encoding, line_end, quote_all : of a CSV
    above, below : lines before the header and after the rows
    gaps : rows after which a blank line stands
    covers : sheets before and after the table's, by name, as lines
    """

    suffix: str = ".csv"
    sheet: bool = False
    packed: bool = False
    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    quote_all: bool = False
    above: Lines = ()
    below: Lines = ()
    gaps: tuple[int, ...] = ()
    covers: dict[str, Lines] = field(default_factory=dict)


USUAL = {
    "csv": Shape(),
    "zip": Shape(),
    "report": Shape(),
    "gzip": Shape(suffix=".csv.gz", packed=True),
    "xlsx": Shape(suffix=".xlsx", sheet=True),
    "workbook": Shape(suffix=".xlsx", sheet=True),
}
"""The shape of a file in each format; the reports among them get theirs from `reports`."""


@dataclass(frozen=True)
class File:
    """A table as text with the shape in which it is written.

    name : without an ending
    table : text; missing is an empty cell
    kinds : per column what its cells are in a workbook: number, day, moment, flag or text
    shape : how it is written
    """

    name: str
    table: pd.DataFrame
    kinds: dict[str, str]
    shape: Shape


def usual_shape(format: str, name: str) -> Shape:
    """How a file is written in a format when nothing is wrong with it."""
    of_report = format == "report" and name in REPORTS
    return Shape(quote_all=True) if of_report else USUAL[format]


def kinds(table: pd.DataFrame) -> dict[str, str]:
    """What the cells of each column are: number, day, moment, flag or text."""
    return {str(name): _kind(table[name].dropna()) for name in table}


def _kind(values: pd.Series) -> str:
    if values.empty:
        return "text"
    if values.isin(list(FLAGS)).all():
        return "flag"
    for name, form in (("number", NUMBER), ("day", ISO_DAY), ("moment", ISO_MOMENT)):
        if form.fullmatch(values.iloc[0]) and values.str.fullmatch(form).all():
            return name
    return "text"


def place_of(file: File, format: str) -> str:
    """The name under which a file is found, as a reader would say it."""
    if format == "zip":
        return f"{TOGETHER[format]}, {file.name}{file.shape.suffix}"
    if format == "workbook":
        return f"{TOGETHER[format]}, sheet {file.name[:31]}"
    return f"{file.name}{file.shape.suffix}"


def write(folder: Path, files: list[File], format: str) -> list[Path]:
    """Write the files of an export, each alone or all as one."""
    if format == "workbook":
        (folder / TOGETHER[format]).write_bytes(workbook(files))
        return [folder / TOGETHER[format]]
    if format == "zip":
        with zipfile.ZipFile(folder / TOGETHER[format], "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.writestr(_member(f"{file.name}{file.shape.suffix}"), content(file))
        return [folder / TOGETHER[format]]
    for file in files:
        (folder / f"{file.name}{file.shape.suffix}").write_bytes(content(file))
    return [folder / f"{file.name}{file.shape.suffix}" for file in files]


def _member(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, MADE_ON.timetuple()[:6])
    made.compress_type = zipfile.ZIP_DEFLATED
    return made


def content(file: File) -> bytes:
    """The bytes of one file."""
    if file.shape.sheet:
        return workbook([file])
    held = delimited(file).encode(file.shape.encoding)
    return gzip.compress(held, mtime=0) if file.shape.packed else held


def delimited(file: File) -> str:
    """The text of a CSV."""
    shape, held = file.shape, io.StringIO()
    writer = csv.writer(
        held,
        delimiter=shape.delimiter,
        lineterminator=shape.line_end,
        quoting=csv.QUOTE_ALL if shape.quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerows(shape.above)
    writer.writerow(file.table.columns)
    begin = 0
    for end in (*shape.gaps, len(file.table)):
        writer.writerows(_cells(file.table.iloc[begin:end]))
        held.write(shape.line_end if end in shape.gaps else "")
        begin = end
    writer.writerows(shape.below)
    return held.getvalue()


def _cells(table: pd.DataFrame) -> list[list[str]]:
    filled: list[list[str]] = table.astype(object).where(table.notna(), "").to_numpy().tolist()
    return filled


def workbook(files: list[File]) -> bytes:
    """The bytes of a workbook with a sheet per table."""
    held = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(held, plain)
    book.set_properties({"created": MADE_ON})
    forms = {name: book.add_format({"num_format": form}) for name, form in
             (("day", DAY), ("moment", MOMENT))}  # fmt: skip
    for file in files:
        if len(file.table) + 1 > MOST_ROWS:
            raise EnablementError(
                f"{file.name} has {len(file.table):,} rows; a sheet holds {MOST_ROWS:,} lines. "
                'Write it with format="csv".'
            )
        covers = list(file.shape.covers.items())
        for name, lines in covers[:1]:
            _fill(book.add_worksheet(name), lines)
        _sheet(book.add_worksheet(file.name[:31]), file, forms)
        for name, lines in covers[1:]:
            _fill(book.add_worksheet(name), lines)
    book.close()
    return held.getvalue()


def _fill(
    sheet: xlsxwriter.worksheet.Worksheet, lines: Sequence[Sequence[str]], at: int = 0
) -> int:
    """Write lines of text from a row on; returns the row after them."""
    for line in lines:
        for place, text in enumerate(line):
            if text:
                sheet.write_string(at, place, text)
        at += 1
    return at


def _sheet(
    sheet: xlsxwriter.worksheet.Worksheet,
    file: File,
    forms: dict[str, xlsxwriter.format.Format],
) -> None:
    shape, table = file.shape, file.table
    top = _fill(sheet, [*shape.above, [str(name) for name in table.columns]])
    rows = np.arange(len(table))
    rows = top + rows + np.searchsorted(shape.gaps, rows, side="right")
    for place, name in enumerate(table.columns):
        kind = file.kinds.get(str(name), "text")
        there = table[name].notna().to_numpy()
        for row, text in zip(rows[there], table[name][there], strict=True):
            sheet.write(int(row), place, cell(text, kind), forms.get(kind))
    _fill(sheet, shape.below, top + len(table) + len(shape.gaps))


def cell(text: str, kind: str) -> Cell:
    """What a text is in a cell of its column; text where it is not of that kind."""
    if kind == "number" and NUMBER.fullmatch(text):
        return float(text)
    if kind == "flag" and text in FLAGS:
        return FLAGS[text]
    if kind in ("day", "moment") and (ISO_DAY.fullmatch(text) or ISO_MOMENT.fullmatch(text)):
        try:
            return dt.datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError:  # no such day
            return text
    return text
