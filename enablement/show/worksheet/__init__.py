"""The results worksheet as a workbook that computes: another target gives other numbers in it.

It has the numbers of `cascade.worksheet` and the formulas that lead to them, so that a program
for spreadsheets shows the first and works out the others. What is open to change is the target,
the unit price, the headcount, pins and caps; all else is protected, without a password.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from enablement.plan import cascade
from enablement.plan import goal as goals
from enablement.plan.cascade import Ground
from enablement.plan.goal import Plan
from enablement.read.crm import CRM
from enablement.show.worksheet import capacity, divisor, goal, levels, shares
from enablement.show.worksheet.book import Book


def results_workbook(
    crm: CRM | None,
    plan: Plan | Mapping[str, Any] | str | Path,
    *,
    as_of: object = None,
    rates: str = "own",
) -> bytes:
    """Write the results worksheet as a workbook with formulas.

    The sheet ``Goal`` has the target, the unit price and the headcount as cells to change, the
    sheet ``Shares`` a pin and a cap of each rep; whatever follows from them is a formula. There
    is a sheet for each level that the CRM has, one that says by when, and the sheets that the
    levels are computed from: ``Shares``, ``Divisor`` and ``Capacity``. What a formula cannot
    find out (dates, working days, rates as counted and shrunk) is a number, and its note says so.

    Parameters
    ----------
    crm, plan, as_of, rates : as for `results_worksheet`

    Returns
    -------
    bytes
        An XLSX file, the same ones for the same data. Texts that a spreadsheet program would
        run have an apostrophe before them.

    Raises
    ------
    SettingsError
        If the plan does not fit.
    CannotSayError
        If the data do not carry it; the message says what is missing.
    """
    said = goals.goal(plan)
    ground = cascade.grounded(crm, said, as_of=as_of)
    table = cascade.worksheet(ground, rates=rates)
    return workbook(ground, table, activity=cascade.activity_per_entry(crm, ground))


def workbook(
    ground: Ground, table: pd.DataFrame, *, activity: Mapping[str, float] | None = None
) -> bytes:
    """Write a worksheet that is computed already, with the formulas that lead to it.

    Parameters
    ----------
    ground : what it was computed from
    table : as `cascade.worksheet` gives it
    activity : type -> how many it takes for one to enter the first stage
    """
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        start = dt.datetime.combine(ground.months[0].start, dt.time())
        book.set_properties({"title": "Results worksheet", "created": start})
        _write(Book(book, ground, table, activity or {}))
    return file.getvalue()


def _write(book: Book) -> None:
    goal.write(book)
    for level in book.levels:
        levels.write(book, level)
    shares.write(book)
    divisor.write(book)
    capacity.write_dates(book)
    capacity.write(book)
    for name, sheet in book.sheets.items():
        sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})
        sheet.hide_gridlines(2)
        sheet.set_paper(9)
        if name != "Goal":
            sheet.set_landscape()
