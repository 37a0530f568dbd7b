"""The sheet of the shares: what each place brings, by Webster's method, in formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from enablement.plan import cascade
from enablement.plan.apportionment import HALVINGS
from enablement.plan.goal import MONTHS
from enablement.show import formulas
from enablement.show.worksheet.book import (
    AHEAD,
    CAP,
    DAYS,
    HIGHEST,
    HOUSE,
    LAST,
    LEAST,
    NEXT,
    OVER,
    PIN,
    QUOTA,
    SAYS,
    SHARE,
    TOP,
    UNBOUNDED,
    WEIGHED,
    WEIGHT,
    WITHIN,
    Book,
    Level,
    area,
    ref,
)


def write(book: Book) -> None:
    """Write what each place brings, and by which bounds."""
    sheet = book.sheets["Shares"]
    names = dict(enumerate(("region", "team", "rep", "weight", "weighed", "pin", "cap")))
    names |= {LEAST: "least", HIGHEST: "most", WITHIN: "within", SHARE: "share"}
    names |= {LAST: "multiplier", NEXT: "the next", OVER: "too much"}
    line = (
        f"{book.unit().capitalize()} in whole numbers, shared out from each place to those "
        "within it by Webster's divisor method. A pin or a cap of a rep can be written into "
        "the framed cells."
    )
    title, reps = "Who brings what", book.levels[-1]
    book.headings(sheet, title, line, names, freeze=3)
    _share_notes(book, sheet)
    book.wide(sheet, reps)
    book.columns(sheet, 3, OVER, 12)
    book.paper(sheet, title, line, row=reps.top + len(reps) - 1, column=OVER, names=3)
    for level in book.levels:
        for place in range(len(level)):
            row = level.top + place
            book.keys(sheet, row, level, place)
            _weight(book, sheet, level, place)
            _bounds(book, sheet, level, place)
            _share(book, sheet, level, place)


def _share_notes(book: Book, sheet: Any) -> None:
    notes = {
        WEIGHT: f"What the share is in proportion to: {cascade.shared_by(book.ground)}. It "
        "does not depend on the target.",
        PIN: "What the rep is to bring, whatever the others do; in the metric of the goal.",
        CAP: "What the rep is to bring at most; in the metric of the goal.",
        LAST: "The largest multiplier of the weights that does not share out too much, found "
        "on the sheet Divisor by halving.",
        OVER: "1 where the rep needs more at a stage than any rep ever had.",
    }
    for column, text in notes.items():
        book.note(sheet, TOP - 1, column, text)


def _weight(book: Book, sheet: Any, level: Level, place: int) -> None:
    row, rep = level.top + place, level.name == "rep"
    value = float(book.of(level)[0][place])
    capacity = area(TOP + place, DAYS, TOP + place, DAYS + MONTHS - 1, sheet="Capacity")
    share = cascade.shared_by(book.ground)
    days = f"SUM({capacity})" if not (rep and book.idle[place]) else "0"
    if not rep:
        formula = f"SUM({book.inside(level, place, WEIGHT)})"
    elif share == "projected":
        wins = TOP + place * book.block + len(book.stages) - 1
        formula = ref(wins, AHEAD, sheet="Rep")
    elif share == "quota":
        formula = f"{ref(TOP + place, QUOTA, sheet='Capacity')}*{days}"
    else:
        formula = days
    book.formula(sheet, row, WEIGHT, formula, value, "decimal")
    if level.name == "company":
        return
    parent = book.parent(level, place)
    total = ref(parent, WEIGHT)
    above = book.levels[book.levels.index(level) - 1]
    none = book.of(above)[0][level.above[place]] <= 0
    formula = f"IF({total}<=0,1,{ref(row, WEIGHT)})"
    book.formula(sheet, row, WEIGHED, formula, 1.0 if none else value, "decimal")


def _bounds(book: Book, sheet: Any, level: Level, place: int) -> None:
    row = level.top + place
    _, least, most = (float(values[place]) for values in book.of(level))
    lows, highs = (f"SUM({book.inside(level, place, c)})" for c in (LEAST, HIGHEST)) if (
        level.name != "rep"
    ) else _own_bounds(book, sheet, row, place)  # fmt: skip
    book.formula(sheet, row, LEAST, lows, least, "whole")
    book.formula(sheet, row, HIGHEST, highs, most, "bound")
    if level.name == "company":
        return
    low, high, weight = (ref(row, column) for column in (LEAST, HIGHEST, WEIGHED))
    house = ref(book.parent(level, place), SHARE)
    formula = f"MAX({low},IF({weight}>0,MIN({high},{house}),{low}))"
    book.formula(sheet, row, WITHIN, formula, book.within(level)[place], "bound")


def _own_bounds(book: Book, sheet: Any, row: int, place: int) -> tuple[str, str]:
    pins = book.ground.staff.places(book.goal.pins, "[goal] pins")
    caps = book.ground.staff.places(book.goal.caps, "[goal] caps")
    book.figure(sheet, row, PIN, pins.get(place, np.nan), "input")
    book.figure(sheet, row, CAP, caps.get(place, np.nan), "input")
    rules = {"validate": "decimal", "criteria": ">=", "value": 0}
    sheet.data_validation(row, PIN, row, CAP, rules)
    pin, cap = ref(row, PIN), ref(row, CAP)
    low = f'IF({pin}="",0,{formulas.half_even(f"{pin}/{book.price_cell()}")})'
    high = (
        f'IF({pin}<>"",{ref(row, LEAST)},IF({cap}="",{UNBOUNDED:.0E},'
        f"INT({cap}/{book.price_cell()}+0.000001)))"
    )
    return low, high


def _share(book: Book, sheet: Any, level: Level, place: int) -> None:
    """Write what a place brings, and what those within it share it out by."""
    row = level.top + place
    value = float(book.houses[level.name][place].sum())
    if level.name == "company":
        book.formula(sheet, row, SHARE, ref(HOUSE, 1, sheet="Goal"), value, "whole bold")
    else:
        book.array(sheet, row, SHARE, _part(book, level, place), value, "whole bold")
    if level.name == "rep":
        _over(book, sheet, row, place)
        return
    column = book.levels.index(level), place
    steps = book.halvings(level, place)
    last = TOP + HALVINGS
    cells = [ref(last, book.column(*column), sheet="Divisor")]
    cells.append(f"{cells[0]}+{ref(TOP, book.column(*column), sheet='Divisor')}/2^{HALVINGS}")
    values = [steps[1][-1], steps[1][-1] + steps[0] / 2.0**HALVINGS]
    for at, cell, found in zip((LAST, NEXT), cells, values, strict=True):
        book.formula(sheet, row, at, cell, found, "multiplier")


def _part(book: Book, level: Level, place: int) -> str:
    row, parent = level.top + place, book.parent(level, place)
    inside = level.top + np.flatnonzero(level.above == level.above[place])
    first, end = int(inside[0]), int(inside[-1])
    multiplier = ref(parent, LAST), ref(parent, NEXT)
    later = ""
    if row < end:
        weights, least, most = (area(row + 1, c, end, c) for c in (WEIGHED, LEAST, WITHIN))
        later = formulas.certain(weights, least, most, multiplier[0])
    before = ref(parent, SHARE)
    before += f"-SUM({area(first, SHARE, row - 1, SHARE)})" if row > first else ""
    bounds = (ref(row, WEIGHED), ref(row, LEAST), ref(row, WITHIN))
    return formulas.place_share(bounds, later, before, multiplier)


def _over(book: Book, sheet: Any, row: int, rep: int) -> None:
    start = TOP + rep * book.block
    says = area(start, SAYS, start + len(book.stages) - 2, SAYS, sheet="Rep")
    over = float((book.figures["rep"]["says"][rep] != "").any())
    book.formula(sheet, row, OVER, f'IF(COUNTIF({says},"needs*")>0,1,0)', over, "step")
