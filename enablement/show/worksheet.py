"""The results worksheet as a workbook that computes: another target gives other numbers in it.

It has the numbers of `cascade.worksheet` and the formulas that lead to them, so that a program
for spreadsheets shows the first and works out the others. What is open to change is the target,
the unit price, the headcount, pins and caps; all else is protected, without a password.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.plan import cascade
from enablement.plan import goal as goals
from enablement.plan.apportionment import HALVINGS
from enablement.plan.cascade import Ground
from enablement.plan.goal import COUNTED, MONTHS, Plan
from enablement.read.crm import CRM
from enablement.show import formulas, spreadsheets, theme

TOP = 5  # rows above the first one of a table: title, line, two of headings, and a blank one
UNBOUNDED = 1e15
KEYS = ("region", "team", "rep_id")
# Where things stand: columns of a sheet of a level, of the shares and of the capacity.
STEP, STAGE, NEEDED, AHEAD, SHORT, RATE, FIRST = 3, 4, 5, 6, 7, 8, 9
MOST, SAYS, QUOTIENT, AHEADS = FIRST + 12, FIRST + 13, FIRST + 14, FIRST + 15
SHORTS = AHEADS + 12
WEIGHT, WEIGHED, PIN, CAP, LEAST, HIGHEST, WITHIN, SHARE, LAST, NEXT, OVER = range(3, 14)
VOLUME, QUOTA, DAYS = 3, 4, 5
# Cells of the sheet Goal that others refer to.
TARGET, PRICE, BY, HEADS = 4, 5, 6, 7
RESULT = 19
WORTH, BESIDES, THROUGH, HOUSE = 25, 26, 27, 28
DEFINITIONS = {
    "needed": "How many must enter the stage, or be won, in whole numbers that add up on every "
    "level. A rep's wins of the year over the shares that move on from there, rounded up.",
    "comes": "How many enter the stage, or are won, if nothing changes.",
    "short": "needed minus what comes if nothing changes; below 0 where there is more than enough.",
    "moves on": "Share assumed to move on from the stage; above the reps what they come to "
    "together.",
    "most ever": "The most that any rep had at this stage, carried over to this rep's working "
    "days. Empty where nobody was there for a quarter.",
    "last quotient": "Webster's method: the months share the year out by weight / (place - 1/2), "
    "the largest first; this is the last quotient that gets a place. Equal claims are met from "
    "the left.",
}


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
        _Writer(book, ground, table, activity or {}).write()
    return file.getvalue()


@dataclasses.dataclass(frozen=True)
class _Level:
    """The places of one level.

    name : company, region, team or rep
    codes : of each rep, their place on it
    keys : texts of its places, a column each for region, team and rep
    above : of each place, the one on the level above that it belongs to
    top : its first row on the sheet of the shares
    """

    name: str
    codes: NDArray[np.int64]
    keys: pd.DataFrame
    above: NDArray[np.int64]
    top: int

    @property
    def sheet(self) -> str:
        return self.name.capitalize()

    def __len__(self) -> int:
        return len(self.keys)


def _levels(people: pd.DataFrame) -> list[_Level]:
    found: list[_Level] = []
    top = TOP
    for name, keys in cascade.levels(people):
        codes = np.zeros(len(people), dtype=np.int64)
        if keys:
            codes = people.groupby(keys, sort=False).ngroup().to_numpy()
        first = np.unique(codes, return_index=True)[1]
        named = people.assign(rep_id=people["name"])[list(KEYS)].iloc[first]
        texts = named.where(named.columns.isin(keys)[None, :].repeat(len(first), axis=0), "")
        above = found[-1].codes[first] if found else np.zeros(1, dtype=np.int64)
        found.append(_Level(name, codes, texts, above, top))
        top += len(texts)
    return found


class _Writer:
    """Writes the sheets of a workbook; each method one of them, or a part of one."""

    def __init__(
        self, book: Any, ground: Ground, table: pd.DataFrame, activity: Mapping[str, float]
    ) -> None:
        self.book, self.ground, self.table, self.activity = book, ground, table, activity
        self.goal, self.base = ground.plan.goal, ground.base
        self.stages = [*ground.funnel.stages, "won"]
        self.levels = _levels(ground.staff.table)
        self.has_amount = bool(self.goal.price) and self.goal.metric not in COUNTED
        self.block = len(self.stages) + 1 + self.has_amount
        self.months = [month.name for month in ground.months]
        self.capacity = ground.capacity()
        self.idle = self.capacity.sum(axis=1) <= 0
        self.capacity[self.idle] = 1.0  # shared out equally, as `apportion` does it
        self.price = self.goal.price or 1.0
        self.figures = {level.name: self._figures(level) for level in self.levels}
        self.style = _styles(book)
        names = ["Goal", *(level.sheet for level in self.levels)]
        names += ["By when", "Shares", "Divisor", "Capacity"]
        self.sheets = {name: book.add_worksheet(name) for name in names}

    def write(self) -> None:
        self._goal()
        for level in self.levels:
            self._level(level)
        self._by_when()
        self._shares()
        self._divisor()
        self._capacity()
        for sheet in self.sheets.values():
            sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True})
            sheet.hide_gridlines(2)
            sheet.set_landscape()
            sheet.set_paper(9)
            sheet.fit_to_pages(1, 0)

    # What Python has computed, for the cells to show before a program computes them.

    def _figures(self, level: _Level) -> dict[str, NDArray[np.float64]]:
        """Give what the table has of a level, places × months × stages and won."""
        rows = self.table[(self.table["level"] == level.name).to_numpy()]
        shape = (len(level), MONTHS, len(self.stages))
        columns = ("needed", "projected", "short", "rate", "amount")
        return {name: rows[name].to_numpy(dtype=float).reshape(shape) for name in columns} | {
            "says": rows["says"].to_numpy(dtype=object).reshape(shape)
        }

    def _house(self, level: _Level) -> NDArray[np.int64]:
        """Give the units of each place in each month, or whole amounts without a price."""
        amounts = self.figures[level.name]["amount"][:, :, -1] / self.price
        return np.rint(amounts).astype(np.int64)

    # A sheet's own hand.

    def text(self, sheet: Any, row: int, column: int, text: object, style: str = "text") -> None:
        sheet.write_string(row, column, spreadsheets.plain(str(text)), self.style[style])

    def figure(self, sheet: Any, row: int, column: int, value: float, style: str) -> None:
        if math.isfinite(value):
            sheet.write_number(row, column, value, self.style[style])
        else:
            sheet.write_blank(row, column, None, self.style[style])

    def formula(
        self, sheet: Any, row: int, column: int, formula: str, value: object, style: str
    ) -> None:
        """Write a formula, with the value that a program shows which does not compute."""
        shown = value if isinstance(value, str) or math.isfinite(float(value)) else ""  # type: ignore[arg-type]
        sheet.write_formula(row, column, f"={formula}", self.style[style], shown)

    def array(
        self, sheet: Any, row: int, column: int, formula: str, value: float, style: str
    ) -> None:
        at = (row, column, row, column)
        sheet.write_array_formula(*at, f"{{={formula}}}", self.style[style], value)

    def headings(
        self,
        sheet: Any,
        title: str,
        line: str,
        names: Mapping[int, str],
        *,
        freeze: int,
        first: int = 0,
    ) -> None:
        """Write what stands above a table; `first` is the first column that is not hidden."""
        self.text(sheet, 0, first, title, "title")
        self.text(sheet, 1, first, line, "quiet")
        for column, name in names.items():
            style = "head" if column < freeze else "head right"
            style = "head after" if name == "why" else style
            self.text(sheet, TOP - 1, column, name, style)
        sheet.freeze_panes(TOP, freeze)
        sheet.repeat_rows(TOP - 1)

    def keys(self, sheet: Any, row: int, level: _Level, place: int) -> None:
        for column, key in enumerate(KEYS):
            self.text(sheet, row, column, level.keys[key].iloc[place])

    def note(self, sheet: Any, row: int, column: int, text: str) -> None:
        sheet.write_comment(row, column, text, {"x_scale": 2.4, "y_scale": 1.6, "author": ""})

    # The goal.

    def _goal(self) -> None:
        sheet = self.sheets["Goal"]
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 5, 17)
        sheet.set_column(6, 6, 50)
        self.text(sheet, 0, 0, "From the goal to what each rep needs", "title")
        line = "Change a framed cell, and every sheet follows. Notes say what is meant."
        self.text(sheet, 1, 0, line, "quiet")
        self._finding(sheet)
        self._inputs(sheet)
        self._baseline(sheet)
        self._result(sheet)
        self._steps(sheet)
        self._remarks(sheet)

    def _finding(self, sheet: Any) -> None:
        """Say what the target asks beyond what comes, in a sentence that follows it."""
        target, ahead = self.base.target, self.table.attrs["projected"]
        cells = _at(TARGET, 1), _at(RESULT, 1), _at(RESULT + 1, 1)
        told = (
            f'"If nothing changes, "&TEXT({cells[1]},"#,##0")&" come of the "&TEXT({cells[0]},'
            f'"#,##0")&" that are wanted"&IF({cells[1]}>={cells[0]}*(1-{cascade.ROUNDING:.0E}),".",'
            f'": "&TEXT({cells[2]},"#,##0")&" are missing.")'
        )
        start = f"If nothing changes, {ahead:,.0f} come of the {target:,.0f} that are wanted"
        rest = f": {target - ahead:,.0f} are missing."
        enough = ahead >= target * (1 - cascade.ROUNDING)
        self.formula(sheet, 2, 0, told, start + ("." if enough else rest), "bold")

    def _inputs(self, sheet: Any) -> None:
        goal, base = self.goal, self.base
        rules = {"validate": "decimal", "criteria": ">", "value": 0}
        self.text(sheet, TARGET, 0, f"Target ({goal.metric})")
        self.figure(sheet, TARGET, 1, base.target, "input")
        sheet.data_validation(TARGET, 1, TARGET, 1, rules)
        self.note(
            sheet, TARGET, 1, f"What is to be reached in {base.span}. Everything follows from it."
        )
        self.text(sheet, PRICE, 0, "Unit price")
        self._unit_price(sheet, rules)
        self.text(sheet, BY, 0, "By when")
        sheet.write_datetime(BY, 1, _moment(base.span.end), self.style["date"])
        self.note(
            sheet, BY, 1,
            "Not to be changed here: the months, their working days and their season are counted "
            "from a calendar that formulas do not have. Change it in plan.toml, and write the "
            "workbook again.",
        )  # fmt: skip
        self.text(sheet, HEADS, 0, "Reps there for the goal")
        self.figure(sheet, HEADS, 1, base.then, "input decimal")
        sheet.data_validation(HEADS, 1, HEADS, 1, rules)
        self.note(
            sheet, HEADS, 1,
            "A rep of half a year is half a one. It says what the target comes to per rep, below. "
            "The sheets of the levels are those of the reps with a name, since nobody can be "
            "named for others.",
        )  # fmt: skip
        self._constraints(sheet)

    def _unit_price(self, sheet: Any, rules: dict[str, object]) -> None:
        stated = self.base.period is None and self.goal.stated.deal_size is None
        free = self.has_amount and not stated
        self.figure(sheet, PRICE, 1, self.goal.price or np.nan, "input cents" if free else "cents")
        if free:
            sheet.data_validation(PRICE, 1, PRICE, 1, rules)
            self.note(sheet, PRICE, 1, "The target over this is what is shared out, in units.")
            return
        why = (
            "The plan has no unit price: whole amounts are shared out."
            if not self.goal.price
            else "What a won one brings is the price of a unit in this plan, and the volume "
            "follows from it; so change it in plan.toml."
            if self.has_amount
            else "The goal counts units itself."
        )
        self.note(sheet, PRICE, 1, why)

    def _constraints(self, sheet: Any) -> None:
        limits = self.goal.constraints
        caps = ", ".join(f"{lever} {cap:.0%}" for lever, cap in limits.caps.items())
        said = {
            "Shared out by": cascade.shared_by(self.ground),
            "Headcount": limits.headcount,
            "New tools": "allowed" if limits.new_tools else "none",
            "Caps of levers": caps or "none",
        }
        for row, (name, value) in enumerate(said.items(), start=HEADS + 1):
            self.text(sheet, row, 0, name)
            self.text(sheet, row, 1, value, "right")
        self.note(
            sheet, HEADS + 3, 1,
            "New tools and caps of levers bound the levers of the plan; no number here depends "
            "on them. A pin and a cap of a rep stand on the sheet Shares, to be changed there.",
        )  # fmt: skip

    def _baseline(self, sheet: Any) -> None:
        """Hold what is sold, expected and to be reached against each other, as `baseline` does."""
        base, top = self.base, 13
        names = [
            "For twelve months",
            "total",
            "per rep",
            "per rep and month",
            "units a month",
            "short",
        ]
        for column, name in enumerate(names):
            self.text(sheet, top, column, name, "head right" if column else "head")
        self.note(sheet, top, 4, "per rep and month over the unit price")
        self.note(sheet, top, 5, "units that the target takes, minus these")
        price, heads = _at(PRICE, 1), _at(HEADS, 1)
        totals = {"sold": base.sold, "expected": base.expected, "target": base.target}
        units = base.target / base.then / MONTHS / self.price
        for row, (name, total) in enumerate(totals.items(), start=top + 1):
            reps = base.then if name == "target" else base.now
            self.text(sheet, row, 0, name)
            if name == "target":
                self.formula(sheet, row, 1, _at(TARGET, 1), total, "whole")
            else:
                self.figure(sheet, row, 1, total, "whole")
            if not math.isfinite(total):
                continue
            per = total / reps
            over = heads if name == "target" else repr(float(reps))
            self.formula(sheet, row, 2, f"{_at(row, 1)}/{over}", per, "whole")
            self.formula(sheet, row, 3, f"{_at(row, 2)}/{MONTHS}", per / MONTHS, "whole")
            if self.goal.price:
                one = per / MONTHS / self.price
                self.formula(sheet, row, 4, f"{_at(row, 3)}/{price}", one, "decimal")
                self.formula(
                    sheet, row, 5, f"{_at(top + 3, 4)}-{_at(row, 4)}", units - one, "decimal"
                )

    def _result(self, sheet: Any) -> None:
        attrs, top = self.table.attrs, RESULT
        company = self.levels[0]
        won = _at(TOP + len(self.stages) - 1, AHEAD, sheet="Company")
        ahead, target = attrs["projected"], self.base.target
        self.text(sheet, top, 0, "If nothing changes")
        self.formula(
            sheet, top, 1, f"{won}*{_at(WORTH, 1)}+{_at(BESIDES, 1)}", ahead, "whole"
        )  # fmt: skip
        self.text(sheet, top + 1, 0, "Missing to the target")
        missing = f"MAX(0,{_at(TARGET, 1)}-{_at(top, 1)})"
        self.formula(sheet, top + 1, 1, missing, max(0.0, target - ahead), "whole bold")
        self.text(sheet, top + 2, 0, "Reps who need more than any ever had")
        rep = self.levels[-1]
        over = _range(rep.top, OVER, rep.top + len(rep) - 1, OVER, sheet="Shares")
        count = (self.figures["rep"]["says"] != "").any(axis=(1, 2)).sum()
        self.formula(sheet, top + 2, 1, f"SUM({over})", float(count), "whole")
        self.text(sheet, top + 3, 0, "Do the pins and caps leave it?")
        least, most = (_at(company.top, column, sheet="Shares") for column in (LEAST, HIGHEST))
        house = _at(HOUSE, 1)
        check = (
            f'IF({most}<{house},"The caps leave "&TEXT({house}-{most},"#,##0")&" to nobody.",'
            f'IF({least}>{house},"The pins add up to "&TEXT({least}-{house},"#,##0")&" more than '
            'there is.","yes"))'
        )
        self.formula(sheet, top + 3, 1, check, "yes", "right")

    def _steps(self, sheet: Any) -> None:
        """Write what stands between the target and the wins."""
        funnel, base = self.ground.funnel, self.base
        self.text(sheet, WORTH - 1, 0, "From the target to the wins", "head")
        self.text(sheet, WORTH - 1, 1, "", "head")
        self.text(sheet, WORTH, 0, "What a won one brings")
        self.figure(sheet, WORTH, 1, funnel.worth, "cents")
        self.note(sheet, WORTH, 1, "On average, as counted or as the plan states it.")
        self.text(sheet, BESIDES, 0, "Reached without the funnel")
        self.figure(sheet, BESIDES, 1, funnel.besides, "whole")
        self.note(sheet, BESIDES, 1, "Renewals of the baseline, taken to recur.")
        target = _at(TARGET, 1)
        self.text(sheet, THROUGH, 0, "Share that comes through the funnel")
        through = max(base.target - funnel.besides, 0.0) / base.target
        self.formula(
            sheet, THROUGH, 1, f"MAX({target}-{_at(BESIDES, 1)},0)/{target}", through, "share"
        )
        self.text(sheet, HOUSE, 0, f"Shared out in whole numbers: {self._unit()}")
        house = int(self._house(self.levels[0]).sum())
        wanted = formulas.rounded_up(f"{target}/{self._price()}")
        self.formula(sheet, HOUSE, 1, wanted, house, "whole")
        entered = _at(TOP, NEEDED, sheet="Company")
        first = float(self.figures["company"]["needed"][0, :, 0].sum())
        for row, (name, per) in enumerate(self.activity.items(), start=HOUSE + 1):
            self.text(sheet, row, 0, f"Activities: {name}")
            takes = f"-INT(-{per!r}*{entered})"
            self.formula(sheet, row, 1, takes, float(np.ceil(per * first)), "whole")

    def _remarks(self, sheet: Any) -> None:
        row = HOUSE + len(self.activity) + 3
        self.text(sheet, row - 1, 0, "What was found and assumed", "head")
        for column in range(1, 7):
            self.text(sheet, row - 1, column, "", "head")
        texts = [f"Counts: {self.ground.funnel.says}.", *self.table.attrs["notes"]]
        texts += [f"{name}: {meaning}" for name, meaning in DEFINITIONS.items()]
        for text in texts:
            sheet.merge_range(row, 0, row, 6, "", self.style["wrapped"])
            self.text(sheet, row, 0, text, "wrapped")
            sheet.set_row(row, 15 * math.ceil(len(text) / 175))
            row += 1

    def _unit(self) -> str:
        return "units" if self.goal.price else self.goal.metric

    def _price(self) -> str:
        return _at(PRICE, 1, sheet="Goal") if self.goal.price else "1"

    # A level.

    def _level(self, level: _Level) -> None:
        sheet = self.sheets[level.sheet]
        self._level_columns(sheet, level)
        for place in range(len(level)):
            top = TOP + place * self.block
            for step in range(self.block):
                self._row(sheet, level, place, top, step)
        if level.name != "rep":
            return
        last = TOP + len(level) * self.block - 1
        style = {"type": "formula", "criteria": f'=$W{TOP + 1}<>""', "format": self.style["over"]}
        sheet.conditional_format(TOP, NEEDED, last, NEEDED, style)

    def _level_columns(self, sheet: Any, level: _Level) -> None:
        rep = level.name == "rep"
        names = {0: "region", 1: "team", 2: "rep", STEP: "step", STAGE: "stage"}
        names |= {NEEDED: "needed", AHEAD: "comes", SHORT: "short", RATE: "moves on"}
        for start in (FIRST, AHEADS, SHORTS):
            names |= {start + number: name for number, name in enumerate(self.months)}
        if rep:
            names |= {MOST: "most ever", SAYS: "why", QUOTIENT: "last quotient"}
        span = self.base.span
        title = f"{level.sheet}: what is needed at each stage, month by month"
        line = f"{span}; a month is the one in which they are won. By when says when to begin."
        shown = [level.name == "company", *level.keys.iloc[:, 1:].ne("").any()]
        shown[0] |= bool(level.keys["region"].ne("").any())
        first = shown.index(True)
        self.headings(sheet, title, line, names, freeze=STAGE + 1, first=first)
        groups = {NEEDED: f"in {span}", FIRST: "needed, by month of the win"}
        groups |= {AHEADS: "comes if nothing changes", SHORTS: "short"}
        for column, name in groups.items():
            self.text(sheet, TOP - 2, column, name, "quiet")
        for column, name in zip((NEEDED, AHEAD, SHORT, RATE), DEFINITIONS, strict=False):
            self.note(sheet, TOP - 1, column, DEFINITIONS[name])
        for column, key in enumerate(KEYS):
            width = max(10, min(32, int(level.keys[key].str.len().max()) + 2))
            sheet.set_column(column, column, width, None, {"hidden": not shown[column]})
        sheet.set_column(STEP, STEP, 5)
        sheet.set_column(STAGE, STAGE, max(12, max(map(len, self.stages)) + 2))
        sheet.set_column(NEEDED, SHORTS + 12, 11)
        sheet.set_column(SAYS, SAYS, 68 if rep else 2)
        if not rep:
            sheet.set_column(MOST, QUOTIENT, 2)
        else:
            self.note(sheet, TOP - 1, MOST, DEFINITIONS["most ever"])
            self.note(sheet, TOP - 1, QUOTIENT, DEFINITIONS["last quotient"])
        last = TOP + len(level) * self.block - 1
        sheet.print_area(0, 0, last, FIRST + MONTHS - 1)
        sheet.autofilter(TOP - 1, 0, last, STAGE)
        ends = {"type": "formula", "criteria": f"=$D{TOP + 1}={self.block}"}
        end = SAYS if rep else FIRST + MONTHS - 1
        sheet.conditional_format(TOP, 0, last, end, ends | {"format": self.style["ends"]})

    def _row(self, sheet: Any, level: _Level, place: int, top: int, step: int) -> None:
        """Write the row of a place and a stage; after won come the units and the amount."""
        row, wins = top + step, len(self.stages) - 1
        self.keys(sheet, row, level, place)
        self.figure(sheet, row, STEP, step + 1, "rank")
        self.text(sheet, row, STAGE, [*self.stages, self._unit(), self.goal.metric][step])
        values = self._needed(level, place, step)
        columns = [NEEDED, *range(FIRST, FIRST + MONTHS)]
        if step == wins + 2:
            for column, value in zip(columns, [values.sum(), *values], strict=True):
                formula = f"{_at(row - 1, column)}*{self._price()}"
                self.formula(sheet, row, column, formula, value, "whole")
        elif level.name == "rep":
            self._rep_row(sheet, place, top, step, values)
        else:
            self._sum_row(sheet, level, place, row, columns, [values.sum(), *values])
        if step <= wins:
            self._ahead(sheet, level, place, top, step)

    def _needed(self, level: _Level, place: int, step: int) -> NDArray[np.float64]:
        if step < len(self.stages):
            return self.figures[level.name]["needed"][place, :, step]
        house = self._houses[level.name][place].astype(float)
        return house * (self.price if step > len(self.stages) else 1.0)

    @functools.cached_property
    def _houses(self) -> dict[str, NDArray[np.int64]]:
        return {level.name: self._house(level) for level in self.levels}

    def _sum_row(
        self, sheet: Any, level: _Level, place: int, row: int, columns: list[int], values: list[Any]
    ) -> None:
        for column, value in zip(columns, values, strict=True):
            self.formula(sheet, row, column, self._sum(level, place, row, column), value, "whole")

    def _sum(self, level: _Level, place: int, row: int, column: int) -> str:
        """Add up the same step of the places below, which stand one after the other."""
        below = self.levels[self.levels.index(level) + 1]
        inside = np.flatnonzero(below.above == place)
        start, end = (TOP + at * self.block for at in (int(inside[0]), int(inside[-1]) + 1))
        steps = _range(start, STEP, end - 1, STEP, sheet=below.sheet)
        cells = _range(start, column, end - 1, column, sheet=below.sheet)
        return f"SUMIF({steps},{_at(row, STEP)},{cells})"

    def _rep_row(
        self, sheet: Any, rep: int, top: int, step: int, values: NDArray[np.float64]
    ) -> None:
        row, wins = top + step, len(self.stages) - 1
        house, won = _at(top + wins + 1, NEEDED), _at(top + wins, NEEDED)
        if step > wins:
            formula = _at(self.levels[-1].top + rep, SHARE, sheet="Shares")
        elif step == wins:
            through, worth = (_at(place, 1, sheet="Goal") for place in (THROUGH, WORTH))
            formula = formulas.rounded_up(f"{house}*{self._price()}*{through}/{worth}")
        else:
            onward = f"PRODUCT({_range(row, RATE, top + wins - 1, RATE)})"
            formula = f"IF({won}=0,0,{formulas.rounded_up(f'{won}/{onward}')})"
        self.formula(sheet, row, NEEDED, formula, values.sum(), "whole")
        self._rep_months(sheet, rep, row, values)

    def _rep_months(self, sheet: Any, rep: int, row: int, values: NDArray[np.float64]) -> None:
        at = TOP + rep
        year, quotient = _at(row, NEEDED), _at(row, QUOTIENT)
        weights = _range(at, DAYS, at, DAYS + MONTHS - 1, sheet="Capacity")
        found = formulas.quotient_of(self.capacity[[rep]], np.array([int(values.sum())]))[0]
        formula = formulas.month_quotient(weights, year)
        self.array(sheet, row, QUOTIENT, formula, float(found), "step")
        for month in range(MONTHS):
            own, end = DAYS + month, DAYS + MONTHS - 1
            later = "" if own == end else _range(at, own + 1, at, end, sheet="Capacity")
            before = _range(row, FIRST, row, FIRST + month - 1) if month else ""
            weight = _at(at, own, sheet="Capacity")
            formula = formulas.month_share(weight, later, before, quotient, year)
            self.formula(sheet, row, FIRST + month, formula, values[month], "whole")

    def _ahead(self, sheet: Any, level: _Level, place: int, top: int, step: int) -> None:
        """Write what comes if nothing changes, what is short of it, and the rate."""
        row, rep = top + step, level.name == "rep"
        figures = self.figures[level.name]
        ahead, short = figures["projected"][place, :, step], figures["short"][place, :, step]
        capacity = _range(TOP + place, DAYS, TOP + place, DAYS + MONTHS - 1, sheet="Capacity")
        if not rep:
            year = self._sum(level, place, row, AHEAD)
        elif step == 0:
            year = f"{_at(TOP + place, VOLUME, sheet='Capacity')}*SUM({capacity})"
        else:
            year = f"{_at(row - 1, AHEAD)}*{_at(row - 1, RATE)}"
        self.formula(sheet, row, AHEAD, year, ahead.sum(), "decimal")
        difference = f"{_at(row, NEEDED)}-{_at(row, AHEAD)}"
        self.formula(sheet, row, SHORT, difference, short.sum(), "decimal")
        for month in range(MONTHS):
            day = _at(TOP + place, DAYS + month, sheet="Capacity")
            part = (
                f"{_at(row, AHEAD)}*{day}/SUM({capacity})"
                if rep
                else self._sum(level, place, row, AHEADS + month)
            )
            self.formula(sheet, row, AHEADS + month, part, ahead[month], "decimal")
            difference = f"{_at(row, FIRST + month)}-{_at(row, AHEADS + month)}"
            self.formula(sheet, row, SHORTS + month, difference, short[month], "decimal")
        if step < len(self.stages) - 1:
            self._rate(sheet, level, place, row, step)

    def _rate(self, sheet: Any, level: _Level, place: int, row: int, step: int) -> None:
        figures = self.figures[level.name]
        if level.name != "rep":
            here, onward = (figures["needed"][place, :, step + n].sum() for n in (0, 1))
            ratio = f'IF({_at(row, NEEDED)}>0,{_at(row + 1, NEEDED)}/{_at(row, NEEDED)},"")'
            self.formula(sheet, row, RATE, ratio, onward / here if here else "", "share")
            return
        self.figure(sheet, row, RATE, float(figures["rate"][place, 0, step]), "share")
        limit = float(self._limits[place, step])
        self.figure(sheet, row, MOST, limit, "decimal")
        most, year = _at(row, MOST), _at(row, NEEDED)
        told = (
            f'IF({most}="","",IF({year}>-INT(-{most}),"needs "&TEXT({year},"#,##0")&" in the '
            f'year; in as many days nobody had more than "&TEXT({most},"#,##0"),""))'
        )
        self.formula(sheet, row, SAYS, told, str(figures["says"][place, 0, step]), "after")

    @functools.cached_property
    def _limits(self) -> NDArray[np.float64]:
        """The most that any rep had at each stage, in the working days of each."""
        days = self.ground.staff.days(self.ground.months).sum(axis=1)
        return self.ground.funnel.most()[None, :] * days[:, None]

    # By when.

    def _by_when(self) -> None:
        sheet = self.sheets["By when"]
        names = {0: "stage", 1: "days"} | {2 + n: name for n, name in enumerate(self.months)}
        line = (
            "The last day to enter a stage, for nine in ten of the wins to come to come by the "
            "end of the month."
        )
        self.headings(sheet, "By when each stage must be entered", line, names, freeze=1)
        self.note(
            sheet, TOP - 1, 1,
            "From the entry to being won, for nine in ten of those that are won; counted from "
            "the curves of the export, or as the plan states it. Empty where not known.",
        )  # fmt: skip
        sheet.set_column(0, 0, max(14, max(map(len, self.stages)) + 2))
        sheet.set_column(1, 1, 8)
        sheet.set_column(2, MONTHS + 1, 12)
        self.text(sheet, TOP, 0, "won")
        for month, period in enumerate(self.ground.months, start=2):
            sheet.write_datetime(TOP, month, _moment(period.end), self.style["date"])
        for row, days in enumerate(self.ground.lags.days, start=TOP + 1):
            self.text(sheet, row, 0, self.stages[row - TOP - 1])
            self.figure(sheet, row, 1, np.ceil(days), "whole")
            for column, period in enumerate(self.ground.months, start=2):
                found = "" if math.isnan(days) else _serial(period.end) - math.ceil(days)
                end, lag = _at(TOP, column), f"$B{row + 1}"
                formula = f'IF({lag}="","",{end}-{lag})'
                self.formula(sheet, row, column, formula, found, "date")

    # The shares.

    def _shares(self) -> None:
        sheet = self.sheets["Shares"]
        names = dict(enumerate(("region", "team", "rep", "weight", "weighed", "pin", "cap")))
        names |= {LEAST: "least", HIGHEST: "most", WITHIN: "within", SHARE: "share"}
        names |= {LAST: "multiplier", NEXT: "the next", OVER: "too much"}
        line = (
            f"{self._unit().capitalize()} in whole numbers, shared out from each place to those "
            "within it by Webster's divisor method. A pin or a cap of a rep can be written into "
            "the framed cells."
        )
        self.headings(sheet, "Who brings what", line, names, freeze=3)
        self._share_notes(sheet)
        sheet.set_column(0, 2, 18)
        sheet.set_column(3, OVER, 12)
        for level in self.levels:
            for place in range(len(level)):
                row = level.top + place
                self.keys(sheet, row, level, place)
                self._weight(sheet, level, place)
                self._bounds(sheet, level, place)
                self._share(sheet, level, place)
        self.text(sheet, TOP, 0, "Company")

    def _share_notes(self, sheet: Any) -> None:
        notes = {
            WEIGHT: f"What the share is in proportion to: {cascade.shared_by(self.ground)}. It "
            "does not depend on the target.",
            PIN: "What the rep is to bring, whatever the others do; in the metric of the goal.",
            CAP: "What the rep is to bring at most; in the metric of the goal.",
            LAST: "The largest multiplier of the weights that does not share out too much, found "
            "on the sheet Divisor by halving.",
            OVER: "1 where the rep needs more at a stage than any rep ever had.",
        }
        for column, text in notes.items():
            self.note(sheet, TOP - 1, column, text)

    @functools.cached_property
    def _bases(self) -> tuple[NDArray[np.float64], ...]:
        """Weight, least and most of each rep, as the cells have them."""
        staff, price = self.ground.staff, self.price
        days = np.where(self.idle, 0.0, self.capacity.sum(axis=1))
        share = cascade.shared_by(self.ground)
        weight = days
        if share == "projected":
            weight = self.figures["rep"]["projected"][:, :, -1].sum(axis=1)
        elif share == "quota":
            usual = np.nanmedian(self.ground.quota)
            weight = days * np.where(np.isnan(self.ground.quota), usual, self.ground.quota)
        least, most = np.zeros(len(staff)), np.full(len(staff), UNBOUNDED)
        for place, value in staff.places(self.goal.pins, "[goal] pins").items():
            least[place] = most[place] = round(value / price)
        for place, value in staff.places(self.goal.caps, "[goal] caps").items():
            most[place] = np.floor(value / price + cascade.ROUNDING)
        return weight, least, most

    def _of(self, level: _Level) -> tuple[NDArray[np.float64], ...]:
        """Weight, least and most of each place of a level."""
        return tuple(
            np.bincount(level.codes, weights=values, minlength=len(level)).astype(float)
            for values in self._bases
        )

    def _weight(self, sheet: Any, level: _Level, place: int) -> None:
        row, rep = level.top + place, level.name == "rep"
        value = float(self._of(level)[0][place])
        capacity = _range(TOP + place, DAYS, TOP + place, DAYS + MONTHS - 1, sheet="Capacity")
        share = cascade.shared_by(self.ground)
        days = f"SUM({capacity})" if not (rep and self.idle[place]) else "0"
        if not rep:
            formula = f"SUM({self._inside(level, place, WEIGHT)})"
        elif share == "projected":
            wins = TOP + place * self.block + len(self.stages) - 1
            formula = _at(wins, AHEAD, sheet="Rep")
        elif share == "quota":
            formula = f"{_at(TOP + place, QUOTA, sheet='Capacity')}*{days}"
        else:
            formula = days
        self.formula(sheet, row, WEIGHT, formula, value, "decimal")
        if level.name == "company":
            return
        parent = self._parent(level, place)
        total = _at(parent, WEIGHT)
        above = self.levels[self.levels.index(level) - 1]
        none = self._of(above)[0][level.above[place]] <= 0
        formula = f"IF({total}<=0,1,{_at(row, WEIGHT)})"
        self.formula(sheet, row, WEIGHED, formula, 1.0 if none else value, "decimal")

    def _bounds(self, sheet: Any, level: _Level, place: int) -> None:
        row = level.top + place
        _, least, most = (float(values[place]) for values in self._of(level))
        lows, highs = (f"SUM({self._inside(level, place, c)})" for c in (LEAST, HIGHEST)) if (
            level.name != "rep"
        ) else self._own_bounds(sheet, row, place)  # fmt: skip
        self.formula(sheet, row, LEAST, lows, least, "whole")
        self.formula(sheet, row, HIGHEST, highs, most, "bound")
        if level.name == "company":
            return
        low, high, weight = (_at(row, column) for column in (LEAST, HIGHEST, WEIGHED))
        house = _at(self._parent(level, place), SHARE)
        formula = f"MAX({low},IF({weight}>0,MIN({high},{house}),{low}))"
        self.formula(sheet, row, WITHIN, formula, self._within(level)[place], "bound")

    def _own_bounds(self, sheet: Any, row: int, place: int) -> tuple[str, str]:
        pins = self.ground.staff.places(self.goal.pins, "[goal] pins")
        caps = self.ground.staff.places(self.goal.caps, "[goal] caps")
        self.figure(sheet, row, PIN, pins.get(place, np.nan), "input")
        self.figure(sheet, row, CAP, caps.get(place, np.nan), "input")
        rules = {"validate": "decimal", "criteria": ">=", "value": 0}
        sheet.data_validation(row, PIN, row, CAP, rules)
        pin, cap = _at(row, PIN), _at(row, CAP)
        low = f'IF({pin}="",0,{formulas.half_even(f"{pin}/{self._price()}")})'
        high = (
            f'IF({pin}<>"",{_at(row, LEAST)},IF({cap}="",{UNBOUNDED:.0E},'
            f"INT({cap}/{self._price()}+0.000001)))"
        )
        return low, high

    def _weighed(self, level: _Level) -> NDArray[np.float64]:
        above = self.levels[self.levels.index(level) - 1]
        none = self._of(above)[0] <= 0
        return np.where(none[level.above], 1.0, self._of(level)[0])

    def _within(self, level: _Level) -> NDArray[np.float64]:
        above = self.levels[self.levels.index(level) - 1]
        house = self._houses[above.name].sum(axis=1)[level.above]
        _, least, most = self._of(level)
        return np.maximum(least, np.where(self._weighed(level) > 0, np.minimum(most, house), least))

    def _share(self, sheet: Any, level: _Level, place: int) -> None:
        """Write what a place brings, and what those within it share it out by."""
        row = level.top + place
        value = float(self._houses[level.name][place].sum())
        if level.name == "company":
            self.formula(sheet, row, SHARE, _at(HOUSE, 1, sheet="Goal"), value, "whole bold")
        else:
            self.array(sheet, row, SHARE, self._part(level, place), value, "whole bold")
        if level.name == "rep":
            self._over(sheet, row, place)
            return
        column = self.levels.index(level), place
        steps = self._halvings(level, place)
        last = TOP + HALVINGS
        cells = [_at(last, self._column(*column), sheet="Divisor")]
        cells.append(f"{cells[0]}+{_at(TOP, self._column(*column), sheet='Divisor')}/2^{HALVINGS}")
        values = [steps[1][-1], steps[1][-1] + steps[0] / 2.0**HALVINGS]
        for at, cell, found in zip((LAST, NEXT), cells, values, strict=True):
            self.formula(sheet, row, at, cell, found, "step")

    def _part(self, level: _Level, place: int) -> str:
        row, parent = level.top + place, self._parent(level, place)
        inside = level.top + np.flatnonzero(level.above == level.above[place])
        first, end = int(inside[0]), int(inside[-1])
        multiplier = _at(parent, LAST), _at(parent, NEXT)
        later = ""
        if row < end:
            weights, least, most = (_range(row + 1, c, end, c) for c in (WEIGHED, LEAST, WITHIN))
            later = formulas.certain(weights, least, most, multiplier[0])
        before = _at(parent, SHARE)
        before += f"-SUM({_range(first, SHARE, row - 1, SHARE)})" if row > first else ""
        bounds = (_at(row, WEIGHED), _at(row, LEAST), _at(row, WITHIN))
        return formulas.place_share(bounds, later, before, multiplier)

    def _over(self, sheet: Any, row: int, rep: int) -> None:
        start = TOP + rep * self.block
        says = _range(start, SAYS, start + len(self.stages) - 2, SAYS, sheet="Rep")
        over = float((self.figures["rep"]["says"][rep] != "").any())
        self.formula(sheet, row, OVER, f'IF(COUNTIF({says},"needs*")>0,1,0)', over, "step")

    def _inside(self, level: _Level, place: int, column: int) -> str:
        """Name the cells of the places within a place, on the sheet of the shares."""
        below = self.levels[self.levels.index(level) + 1]
        rows = below.top + np.flatnonzero(below.above == place)
        return _range(int(rows[0]), column, int(rows[-1]), column)

    def _parent(self, level: _Level, place: int) -> int:
        return self.levels[self.levels.index(level) - 1].top + int(level.above[place])

    # The divisor.

    def _column(self, rank: int, place: int) -> int:
        return 1 + sum(len(level) for level in self.levels[:rank]) + place

    def _halvings(self, level: _Level, place: int) -> tuple[float, list[float]]:
        below = self.levels[self.levels.index(level) + 1]
        inside = below.above == place
        weights, within = self._weighed(below)[inside], self._within(below)[inside]
        least = self._of(below)[1][inside]
        some = weights > 0
        start = float(((within[some] + 1) / weights[some]).max())
        house = int(self._houses[level.name][place].sum())
        return start, formulas.halvings_of(weights, least, within, start, house)

    def _divisor(self) -> None:
        sheet = self.sheets["Divisor"]
        line = (
            "Row by row half as large a step, taken where what is shared out then still fits: "
            "the last row is the multiplier of the sheet Shares."
        )
        self.headings(sheet, "The multiplier of each place", line, {0: "halving"}, freeze=1)
        sheet.set_column(0, 0, 10)
        for step in range(1, HALVINGS + 1):
            self.figure(sheet, TOP + step, 0, step, "step")
        for rank, level in enumerate(self.levels[:-1]):
            for place in range(len(level)):
                self._divisor_column(sheet, level, place, self._column(rank, place))

    def _divisor_column(self, sheet: Any, level: _Level, place: int, column: int) -> None:
        keys = level.keys.iloc[place]
        sheet.set_column(column, column, 16)
        name = " ".join(filter(None, keys)) or "Company"
        self.text(sheet, TOP - 1, column, name, "head right")
        start, found = self._halvings(level, place)
        below = self.levels[self.levels.index(level) + 1]
        rows = below.top + np.flatnonzero(below.above == place)
        first, end = int(rows[0]), int(rows[-1])
        weights, least, within = (
            _range(first, c, end, c, sheet="Shares") for c in (WEIGHED, LEAST, WITHIN)
        )
        largest = f"MAX(IF({weights}>0,({within}+1)/{weights},0))"
        self.array(sheet, TOP, column, largest, start, "step")
        house = _at(level.top + place, SHARE, sheet="Shares")
        for step in range(1, HALVINGS + 1):
            row = TOP + step
            above = _at(row - 1, column) if step > 1 else "0"
            size = f"{_at(TOP, column)}/2^{step}"
            formula = formulas.halving(weights, least, within, above, size, house)
            self.array(sheet, row, column, formula, found[step], "step")

    # The capacity.

    def _capacity(self) -> None:
        sheet = self.sheets["Capacity"]
        names = dict(enumerate(("region", "team", "rep", "a day", "quota")))
        names |= {DAYS + number: name for number, name in enumerate(self.months)}
        line = (
            "Working days of each rep, less what is lost to ramp, by season. Counted in Python "
            "from the calendar and the export; none of it depends on the target."
        )
        self.headings(sheet, "What each rep can do in which month", line, names, freeze=3)
        self.note(
            sheet, TOP - 1, VOLUME,
            "How many enter the first stage a working day, the rep's own drawn a little towards "
            "the team's; a number, since it is counted and not computed from the goal.",
        )  # fmt: skip
        sheet.set_column(0, 2, 18)
        sheet.set_column(3, DAYS + 11, 10)
        volume = self.ground.funnel.volume()[self.ground.places]
        quota = self.ground.quota
        usual = np.nanmedian(quota) if (~np.isnan(quota)).any() else np.nan
        for rep in range(len(quota)):
            row = TOP + rep
            self.keys(sheet, row, self.levels[-1], rep)
            self.figure(sheet, row, VOLUME, 0.0 if self.idle[rep] else volume[rep], "fine")
            self.figure(sheet, row, QUOTA, usual if np.isnan(quota[rep]) else quota[rep], "whole")
            for month in range(MONTHS):
                self.figure(sheet, row, DAYS + month, self.capacity[rep, month], "decimal")


def _styles(book: Any) -> dict[str, Any]:
    plain = {"font_name": "Arial", "font_size": 10, "font_color": theme.INK, "valign": "vcenter"}
    entry: dict[str, object] = {"locked": False, "font_color": theme.ACCENT}
    entry |= {"border": 1, "border_color": theme.ACCENT}
    quiet: dict[str, object] = {"font_color": theme.QUIET}
    right: dict[str, object] = {"align": "right"}
    head: dict[str, object] = {"bold": True, "bottom": 1, "bottom_color": theme.MUTED}
    numbers = {"whole": "#,##0", "decimal": "#,##0.0", "cents": "#,##0.00", "fine": "0.000"}
    styles: dict[str, dict[str, object]] = {
        "text": {},
        "bold": {"bold": True},
        "right": right,
        "title": {"bold": True, "font_size": 14},
        "quiet": quiet,
        "head": head,
        "head right": head | right,
        "head after": head | {"indent": 1},
        "after": {"indent": 1},
        "wrapped": {"text_wrap": True},
        "share": {"num_format": "0.0%"},
        "date": {"num_format": "yyyy-mm-dd"},
        "step": quiet | {"num_format": "General"},
        "rank": quiet | {"align": "center"},
        "bound": quiet | {"num_format": '[>=1E+15]"none";#,##0'},
        "ends": {"bottom": 1, "bottom_color": theme.FAINT},
        "over": {"bold": True, "font_color": theme.ACCENT},
        "whole bold": {"num_format": "#,##0", "bold": True},
        "input": entry | {"num_format": "#,##0"},
        **{name: {"num_format": form} for name, form in numbers.items()},
        **{f"input {name}": entry | {"num_format": form} for name, form in numbers.items()},
    }
    return {name: book.add_format(plain | said) for name, said in styles.items()}


def _at(row: int, column: int, *, sheet: str = "") -> str:
    from xlsxwriter.utility import xl_rowcol_to_cell

    cell = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return f"{sheet}!{cell}" if sheet else str(cell)


def _range(row: int, column: int, end_row: int, end_column: int, *, sheet: str = "") -> str:
    return f"{_at(row, column, sheet=sheet)}:{_at(end_row, end_column)}"


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _serial(day: dt.date) -> int:
    """Number a day as spreadsheet programs do."""
    return (day - dt.date(1899, 12, 30)).days
