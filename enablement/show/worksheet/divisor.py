"""The sheet of the divisor: the multiplier of each place, found by halving."""

from __future__ import annotations

from typing import Any

import numpy as np

from enablement.plan.apportionment import HALVINGS
from enablement.show import formulas
from enablement.show.worksheet.book import (
    LEAST,
    SHARE,
    TOP,
    WEIGHED,
    WITHIN,
    Book,
    Level,
    area,
    ref,
)


def write(book: Book) -> None:
    """Write the search for the multiplier, a column for each place that shares out."""
    sheet = book.sheets["Divisor"]
    line = (
        "Row by row half as large a step, taken where what is shared out then still fits: "
        "the last row is the multiplier of the sheet Shares."
    )
    title, last = "The multiplier of each place", book.column(len(book.levels) - 1, 0) - 1
    book.headings(sheet, title, line, {0: "halving"}, freeze=1)
    book.columns(sheet, 0, 0, 10)
    book.columns(sheet, 1, last, 16)
    book.paper(sheet, title, line, row=TOP + HALVINGS, column=last, names=1)
    for step in range(1, HALVINGS + 1):
        book.figure(sheet, TOP + step, 0, step, "step")
    for rank, level in enumerate(book.levels[:-1]):
        for place in range(len(level)):
            _divisor_column(book, sheet, level, place, book.column(rank, place))


def _divisor_column(book: Book, sheet: Any, level: Level, place: int, column: int) -> None:
    keys = level.keys.iloc[place]
    name = " ".join(filter(None, keys))
    book.text(sheet, TOP - 1, column, name, "head right")
    start, found = book.halvings(level, place)
    below = book.levels[book.levels.index(level) + 1]
    rows = below.top + np.flatnonzero(below.above == place)
    first, end = int(rows[0]), int(rows[-1])
    weights, least, within = (
        area(first, c, end, c, sheet="Shares") for c in (WEIGHED, LEAST, WITHIN)
    )
    largest = f"MAX(IF({weights}>0,({within}+1)/{weights},0))"
    book.array(sheet, TOP, column, largest, start, "multiplier")
    house = ref(level.top + place, SHARE, sheet="Shares")
    for step in range(1, HALVINGS + 1):
        row = TOP + step
        above = ref(row - 1, column) if step > 1 else "0"
        size = f"{ref(TOP, column)}/2^{step}"
        formula = formulas.halving(weights, least, within, above, size, house)
        book.array(sheet, row, column, formula, found[step], "multiplier")
