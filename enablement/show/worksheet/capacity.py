"""The sheets of what formulas cannot find out: working days, and by when to begin."""

from __future__ import annotations

import math

import numpy as np

from enablement.plan.goal import MONTHS
from enablement.show.worksheet.book import (
    DAYS,
    DEFINITIONS,
    POINTS,
    QUOTA,
    TOP,
    VOLUME,
    Book,
    moment,
    ref,
    serial,
)


def write_dates(book: Book) -> None:
    """Write by when each stage must be entered, for each month's wins."""
    sheet = book.sheets["By when"]
    names = {0: "stage", 1: "days"} | {2 + n: name for n, name in enumerate(book.months)}
    line = (
        "The last day to enter a stage, so that nine in ten of those that will be won are won by "
        "the end of the month."
    )
    title = "By when each stage must be entered"
    book.headings(sheet, title, line, names, freeze=1)
    book.note(
        sheet, TOP - 1, 1,
        "From the entry to being won, for nine in ten of those that are won; counted from "
        "the curves of the export, or as the plan states it. Empty where not known.",
    )  # fmt: skip
    book.columns(sheet, 0, 0, max(14, max(map(len, book.stages)) + 2))
    book.columns(sheet, 1, 1, 6)
    book.columns(sheet, 2, MONTHS + 1, 11)
    last = TOP + len(book.ground.lags.days)
    book.paper(sheet, title, line, row=last, column=MONTHS + 1, names=1)
    book.text(sheet, TOP, 0, "won")
    for month, period in enumerate(book.ground.months, start=2):
        sheet.write_datetime(TOP, month, moment(period.end), book.style["date"])
    for row, days in enumerate(book.ground.lags.days, start=TOP + 1):
        book.text(sheet, row, 0, book.stages[row - TOP - 1])
        book.figure(sheet, row, 1, np.ceil(days), "whole")
        for column, period in enumerate(book.ground.months, start=2):
            found = "" if math.isnan(days) else serial(period.end) - math.ceil(days)
            end, lag = ref(TOP, column), f"$B{row + 1}"
            formula = f'IF({lag}="","",{end}-{lag})'
            book.formula(sheet, row, column, formula, found, "date")


def write(book: Book) -> None:
    """Write what each rep can do in which month."""
    sheet = book.sheets["Capacity"]
    names = dict(enumerate(("region", "team", "rep", "a day", "quota")))
    for start in (DAYS, POINTS):
        names |= {start + number: name for number, name in enumerate(book.months)}
    line = (
        "Working days of each rep, less what is lost to ramp, by season. Counted in Python "
        "from the calendar and the export; none of it depends on the target."
    )
    title, reps = "What each rep can do in which month", book.levels[-1]
    book.headings(sheet, title, line, names, freeze=3)
    book.note(
        sheet, TOP - 1, VOLUME,
        "How many enter the first stage a working day, the rep's own drawn a little towards "
        "the team's; a number, since it is counted and not computed from the goal.",
    )  # fmt: skip
    book.text(sheet, TOP - 2, DAYS, "working days, by season", "quiet")
    book.text(sheet, TOP - 2, POINTS, "points of rounding", "quiet")
    book.note(sheet, TOP - 1, POINTS, DEFINITIONS["point"])
    book.wide(sheet, reps)
    book.columns(sheet, 3, POINTS + 11, 10)
    book.paper(sheet, title, line, row=TOP + len(reps) - 1, column=POINTS + 11, names=3)
    volume = book.ground.funnel.volume()[book.ground.places]
    quota = book.ground.quota
    usual = np.nanmedian(quota) if (~np.isnan(quota)).any() else np.nan
    for rep in range(len(quota)):
        row = TOP + rep
        book.keys(sheet, row, book.levels[-1], rep)
        book.figure(sheet, row, VOLUME, 0.0 if book.idle[rep] else volume[rep], "fine")
        book.figure(sheet, row, QUOTA, usual if np.isnan(quota[rep]) else quota[rep], "whole")
        for month in range(MONTHS):
            book.figure(sheet, row, DAYS + month, book.capacity[rep, month], "decimal")
            book.figure(sheet, row, POINTS + month, book.points[rep, month], "step")
