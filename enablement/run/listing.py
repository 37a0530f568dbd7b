"""What was found while an export was read, as a file that opens in a spreadsheet program."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from enablement.errors import EnablementError
from enablement.read.quality import SET_ASIDE, Quality
from enablement.run import outputs
from enablement.show import spreadsheets
from enablement.show.spreadsheets import plain_in_csv

KINDS = (".xlsx", ".csv")
MOST_ROWS = 1_048_575  # of a sheet, below its header
LONGEST_CELL = 32_000  # a sheet takes 32,767 letters, and leaves a longer text out


def rows(quality: Quality) -> pd.DataFrame:
    """List the rows that were set aside and the values that count as missing.

    Returns
    -------
    pandas.DataFrame
        ``done`` (set aside, or read as missing), ``table``, ``file``, ``line``, ``column``,
        ``value``, ``reason``; by file and line.
    """
    told = {"set aside": quality.set_aside, "read as missing": quality.unread}
    parts = [frame[SET_ASIDE].assign(done=done) for done, frame in told.items() if len(frame)]
    if not parts:
        return pd.DataFrame(columns=["done", *SET_ASIDE])
    whole = pd.concat(parts, ignore_index=True)[["done", *SET_ASIDE]]
    return whole.sort_values(["file", "line"], kind="stable", ignore_index=True)


def write(quality: Quality, path: Path) -> int:
    """Write what became of the rows of an export.

    A CSV has the `rows`. A workbook has the same in a sheet, and beside it what arrived, what
    was changed, what cannot be so, and how the files were recognised. A text that a
    spreadsheet program would run is made plain.

    Returns
    -------
    int
        The rows listed.

    Raises
    ------
    EnablementError
        If the name ends otherwise, no file can be put there, or a sheet cannot hold so many
        rows.
    """
    outputs.check(path, KINDS)
    listed = rows(quality)
    if path.suffix.lower() == ".csv":
        plain = listed.map(lambda one: plain_in_csv(one) if isinstance(one, str) else one)
        # With a mark, without which Excel takes UTF-8 for another encoding.
        outputs.write(path, lambda part: plain.to_csv(part, index=False, encoding="utf-8-sig"))
    else:
        sheets = {
            "Rows": listed,
            "Arrived": quality.summary,
            "Changed": quality.notes,
            "Impossible": quality.orders,
            "Files": quality.files,
        }
        content = _workbook(sheets, path.stem)
        outputs.write(path, lambda part: part.write_bytes(content))
    return len(listed)


def _workbook(sheets: Mapping[str, pd.DataFrame], stem: str) -> bytes:
    import xlsxwriter

    long = {name: len(table) for name, table in sheets.items() if len(table) > MOST_ROWS}
    if long:
        raise EnablementError(
            f"{max(long.values()):,} rows do not fit into a sheet. Write {stem}.csv instead."
        )
    # Excel's own guesses are off: every text is written as text.
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"constant_memory": True}) as book:
        bold = book.add_format({"bold": True})
        for name, table in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            shown = spreadsheets.plain_table(table)
            for place, header in enumerate(shown.columns):
                sheet.set_column(place, place, 60 if header in ("reason", "note", "why") else 18)
                sheet.write_string(0, place, str(header), bold)
            for at, row in enumerate(shown.itertuples(index=False), start=1):
                for place, value in enumerate(row):
                    _write(sheet, at, place, value)
    return held.getvalue()


def _write(sheet: object, row: int, place: int, value: object) -> None:
    if pd.isna(value):
        return
    if isinstance(value, str):
        sheet.write_string(row, place, value[:LONGEST_CELL])  # type: ignore[attr-defined]
    else:
        sheet.write_number(row, place, value)  # type: ignore[attr-defined]
