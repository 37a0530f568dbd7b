"""The sheets of the levels: what each place needs at each stage, month by month."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from enablement.plan.goal import MONTHS
from enablement.show import formulas
from enablement.show.worksheet.book import (
    AHEAD,
    AHEADS,
    DAYS,
    DEFINITIONS,
    FIRST,
    MOST,
    NEEDED,
    POINTS,
    QUOTIENT,
    RATE,
    SAYS,
    SHARE,
    SHORT,
    SHORTS,
    STAGE,
    STEP,
    THROUGH,
    TOP,
    VOLUME,
    WORTH,
    Book,
    Level,
    area,
    ref,
)


def write(book: Book, level: Level) -> None:
    """Write the sheet of a level, a block of rows for each of its places."""
    sheet = book.sheets[level.sheet]
    _columns(book, sheet, level)
    _headings(book, sheet, level)
    _rules(book, sheet, level)
    for place in range(len(level)):
        top = TOP + place * book.block
        for step in range(book.block):
            _row(book, sheet, level, place, top, step)


def _shown(level: Level) -> list[bool]:
    """Say which of the columns of region, team and rep the level fills."""
    return list(level.keys.ne("").any())


def _headings(book: Book, sheet: Any, level: Level) -> None:
    rep = level.name == "rep"
    names = {0: "region", 1: "team", 2: "rep", STEP: "step", STAGE: "stage"}
    names |= {NEEDED: "needed", AHEAD: "comes", SHORT: "short", RATE: "moves on"}
    for start in (FIRST, AHEADS, SHORTS):
        names |= {start + number: name for number, name in enumerate(book.months)}
    if rep:
        names |= {MOST: "most ever", SAYS: "why", QUOTIENT: "last quotient"}
    span = book.base.span
    title = f"{level.sheet}: what is needed at each stage, month by month"
    line = f"{span}; a month is the one in which they are won. By when says when to begin."
    names |= {0: ""} if level.name == "company" else {}
    first = _shown(level).index(True)
    last = TOP + len(level) * book.block - 1
    book.paper(sheet, title, line, row=last, column=FIRST + MONTHS - 1, names=STAGE + 1)
    book.headings(sheet, title, line, names, freeze=STAGE + 1, first=first)
    groups = {NEEDED: f"in {span}", FIRST: "needed, by month of the win"}
    groups |= {AHEADS: "comes if nothing changes", SHORTS: "short"}
    for column, name in groups.items():
        book.text(sheet, TOP - 2, column, name, "quiet")
    for column, name in zip((NEEDED, AHEAD, SHORT, RATE), DEFINITIONS, strict=False):
        book.note(sheet, TOP - 1, column, DEFINITIONS[name])
    if rep:
        book.note(sheet, TOP - 1, MOST, DEFINITIONS["most ever"])
        book.note(sheet, TOP - 1, QUOTIENT, DEFINITIONS["last quotient"])


def _columns(book: Book, sheet: Any, level: Level) -> None:
    """Make each column as wide as what stands in it, and hide those that are empty."""
    rep = level.name == "rep"
    book.wide(sheet, level, hide=True)
    book.columns(sheet, STEP, STEP, 5)
    book.columns(sheet, STAGE, STAGE, max(12, max(map(len, book.stages)) + 2))
    price = 1.0 if book.goal.price and not book.has_amount else book.price
    months = book.houses[level.name].astype(float) * price
    book.columns(sheet, NEEDED, SHORTS + 12, _digits(months, least=9))
    book.columns(sheet, NEEDED, RATE, _digits(months.sum(axis=1), least=10))
    book.columns(sheet, SAYS, SAYS, 68 if rep else 2)
    if not rep:
        book.columns(sheet, MOST, QUOTIENT, 2)


def _digits(values: NDArray[np.float64], *, least: int) -> int:
    """Give a number room, and one of a target ten times as high."""
    return max(least, len(f"{10 * float(values.max(initial=0)):,.0f}") + 1)


def _rules(book: Book, sheet: Any, level: Level) -> None:
    """Draw a line below each place, and mark what is more than any rep ever had."""
    last = TOP + len(level) * book.block - 1
    sheet.autofilter(TOP - 1, 0, last, STAGE)
    ends = {"type": "formula", "criteria": f"=$D{TOP + 1}={book.block}"}
    end = SAYS if level.name == "rep" else FIRST + MONTHS - 1
    sheet.conditional_format(TOP, 0, last, end, ends | {"format": book.style["ends"]})
    if level.name == "rep":
        over = {"type": "formula", "criteria": f'=$W{TOP + 1}<>""', "format": book.style["over"]}
        sheet.conditional_format(TOP, NEEDED, last, NEEDED, over)


def _row(book: Book, sheet: Any, level: Level, place: int, top: int, step: int) -> None:
    """Write the row of a place and a stage; after won come the units and the amount."""
    row, wins = top + step, len(book.stages) - 1
    book.keys(sheet, row, level, place)
    book.figure(sheet, row, STEP, step + 1, "rank")
    book.text(sheet, row, STAGE, [*book.stages, book.unit(), book.goal.metric][step])
    values = _needed(book, level, place, step)
    columns = [NEEDED, *range(FIRST, FIRST + MONTHS)]
    if step == wins + 2:
        for column, value in zip(columns, [values.sum(), *values], strict=True):
            formula = f"{ref(row - 1, column)}*{book.price_cell()}"
            book.formula(sheet, row, column, formula, value, "whole")
    elif level.name == "rep":
        _rep_row(book, sheet, place, top, step, values)
    else:
        _sum_row(book, sheet, level, place, row, columns, [values.sum(), *values])
    if step <= wins:
        _ahead(book, sheet, level, place, top, step)


def _needed(book: Book, level: Level, place: int, step: int) -> NDArray[np.float64]:
    if step < len(book.stages):
        return book.figures[level.name]["needed"][place, :, step]
    house = book.houses[level.name][place].astype(float)
    return house * (book.price if step > len(book.stages) else 1.0)


def _sum_row(
    book: Book,
    sheet: Any,
    level: Level,
    place: int,
    row: int,
    columns: list[int],
    values: list[Any],
) -> None:
    for column, value in zip(columns, values, strict=True):
        book.formula(sheet, row, column, _sum(book, level, place, row, column), value, "whole")


def _sum(book: Book, level: Level, place: int, row: int, column: int) -> str:
    """Add up the same step of the places below, which stand one after the other."""
    below = book.levels[book.levels.index(level) + 1]
    inside = np.flatnonzero(below.above == place)
    start, end = (TOP + at * book.block for at in (int(inside[0]), int(inside[-1]) + 1))
    steps = area(start, STEP, end - 1, STEP, sheet=below.sheet)
    cells = area(start, column, end - 1, column, sheet=below.sheet)
    return f"SUMIF({steps},{ref(row, STEP)},{cells})"


def _rep_row(
    book: Book, sheet: Any, rep: int, top: int, step: int, values: NDArray[np.float64]
) -> None:
    row, wins = top + step, len(book.stages) - 1
    house, won = ref(top + wins + 1, NEEDED), ref(top + wins, NEEDED)
    if step > wins:
        formula = ref(book.levels[-1].top + rep, SHARE, sheet="Shares")
    elif step == wins:
        through, worth = (ref(place, 1, sheet="Goal") for place in (THROUGH, WORTH))
        formula = formulas.rounded_up(f"{house}*{book.price_cell()}*{through}/{worth}")
    else:
        onward = f"PRODUCT({area(row, RATE, top + wins - 1, RATE)})"
        formula = f"IF({won}=0,0,{formulas.rounded_up(f'{won}/{onward}')})"
    book.formula(sheet, row, NEEDED, formula, values.sum(), "whole")
    _rep_months(book, sheet, rep, row, values)


def _rep_months(book: Book, sheet: Any, rep: int, row: int, values: NDArray[np.float64]) -> None:
    at = TOP + rep
    year, quotient = ref(row, NEEDED), ref(row, QUOTIENT)
    weights = area(at, DAYS, at, DAYS + MONTHS - 1, sheet="Capacity")
    points = area(at, POINTS, at, POINTS + MONTHS - 1, sheet="Capacity")
    sums = np.array([int(values.sum())])
    found = formulas.quotient_of(book.capacity[[rep]], book.points[[rep]], sums)[0]
    formula = formulas.month_quotient(weights, points, year)
    book.array(sheet, row, QUOTIENT, formula, float(found), "step")
    for month in range(MONTHS):
        after = [
            area(at, start + month + 1, at, start + MONTHS - 1, sheet="Capacity")
            for start in (DAYS, POINTS)
        ]
        later = ("", "") if month == MONTHS - 1 else (after[0], after[1])
        before = area(row, FIRST, row, FIRST + month - 1) if month else ""
        weight, point = (ref(at, start + month, sheet="Capacity") for start in (DAYS, POINTS))
        formula = formulas.month_share(weight, point, later, before, quotient, year)
        book.formula(sheet, row, FIRST + month, formula, values[month], "whole")


def _ahead(book: Book, sheet: Any, level: Level, place: int, top: int, step: int) -> None:
    """Write what comes if nothing changes, what is short of it, and the rate."""
    row, rep = top + step, level.name == "rep"
    figures = book.figures[level.name]
    ahead, short = figures["projected"][place, :, step], figures["short"][place, :, step]
    capacity = area(TOP + place, DAYS, TOP + place, DAYS + MONTHS - 1, sheet="Capacity")
    if not rep:
        year = _sum(book, level, place, row, AHEAD)
    elif step == 0:
        year = f"{ref(TOP + place, VOLUME, sheet='Capacity')}*SUM({capacity})"
    elif book.raised:  # what comes goes by today's rates, which are not those of the goal
        before = figures["projected"][place, :, step - 1].sum()
        year = f"{ref(row - 1, AHEAD)}*{float(ahead.sum() / before) if before else 0.0!r}"
    else:
        year = f"{ref(row - 1, AHEAD)}*{ref(row - 1, RATE)}"
    book.formula(sheet, row, AHEAD, year, ahead.sum(), "decimal")
    difference = f"{ref(row, NEEDED)}-{ref(row, AHEAD)}"
    book.formula(sheet, row, SHORT, difference, short.sum(), "decimal")
    for month in range(MONTHS):
        day = ref(TOP + place, DAYS + month, sheet="Capacity")
        part = (
            f"{ref(row, AHEAD)}*{day}/SUM({capacity})"
            if rep
            else _sum(book, level, place, row, AHEADS + month)
        )
        book.formula(sheet, row, AHEADS + month, part, ahead[month], "decimal")
        difference = f"{ref(row, FIRST + month)}-{ref(row, AHEADS + month)}"
        book.formula(sheet, row, SHORTS + month, difference, short[month], "decimal")
    if step < len(book.stages) - 1:
        _rate(book, sheet, level, place, row, step)


def _rate(book: Book, sheet: Any, level: Level, place: int, row: int, step: int) -> None:
    figures = book.figures[level.name]
    if level.name != "rep":
        here, onward = (figures["needed"][place, :, step + n].sum() for n in (0, 1))
        ratio = f'IF({ref(row, NEEDED)}>0,{ref(row + 1, NEEDED)}/{ref(row, NEEDED)},"")'
        book.formula(sheet, row, RATE, ratio, onward / here if here else "", "share")
        return
    book.figure(sheet, row, RATE, float(figures["rate"][place, 0, step]), "share")
    limit = float(book.limits[place, step])
    book.figure(sheet, row, MOST, limit, "decimal")
    most, year = ref(row, MOST), ref(row, NEEDED)
    told = (
        f'IF({most}="","",IF({year}>-INT(-{most}),"needs "&TEXT({year},"#,##0")&" in the '
        f'year; in as many days nobody had more than "&TEXT({most},"#,##0"),""))'
    )
    book.formula(sheet, row, SAYS, told, str(figures["says"][place, 0, step]), "after")
