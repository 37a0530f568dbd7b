"""A workbook that is being written: its numbers, its places, and the hand that writes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import math
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from enablement.plan import cascade
from enablement.plan.cascade import Ground
from enablement.plan.goal import COUNTED, MONTHS
from enablement.show import formulas, spreadsheets, theme

TOP = 5  # rows above the first one of a table: title, line, two of headings, and a blank one
UNBOUNDED = 1e15
ACROSS = 1300  # px that fit a landscape sheet of paper in letters that can be read
SIDES, ABOVE, BELOW = 0.4, 0.95, 0.6  # inches of its margins
HEADER_LETTERS, HEADER_MOST = 150, 255  # of a line above a printed sheet, and of all of them
KEYS = ("region", "team", "rep_id")
# Where things stand: columns of a sheet of a level, of the shares and of the capacity.
STEP, STAGE, NEEDED, AHEAD, SHORT, RATE, FIRST = 3, 4, 5, 6, 7, 8, 9
MOST, SAYS, QUOTIENT, AHEADS = FIRST + 12, FIRST + 13, FIRST + 14, FIRST + 15
SHORTS = AHEADS + 12
WEIGHT, WEIGHED, PIN, CAP, LEAST, HIGHEST, WITHIN, SHARE, LAST, NEXT, OVER = range(3, 14)
VOLUME, QUOTA, DAYS = 3, 4, 5
POINTS = DAYS + MONTHS
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
    "last quotient": "The months share the year out by weight / (place - point), the largest "
    "first; this is the last quotient that gets a place. The points of rounding stand on the "
    "sheet Capacity. Equal claims are met from the left.",
    "point": "What is added to a month's part before its fraction is cut off. Each rep's months "
    "have points of their own, so that reps alike do not all leave the same months empty.",
}


@dataclasses.dataclass(frozen=True)
class Level:
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
        """Name the sheet that it has."""
        return self.name.capitalize()

    def __len__(self) -> int:
        return len(self.keys)


def levels_of(people: pd.DataFrame) -> list[Level]:
    """List the levels that the CRM has, each with its places in the order of the reps."""
    found: list[Level] = []
    top = TOP
    for name, keys in cascade.levels(people):
        codes = np.zeros(len(people), dtype=np.int64)
        if keys:
            codes = people.groupby(keys, sort=False).ngroup().to_numpy()
        first = np.unique(codes, return_index=True)[1]
        named = people.assign(rep_id=people["name"])[list(KEYS)].iloc[first]
        texts = named.where(named.columns.isin(keys)[None, :].repeat(len(first), axis=0), "")
        if name == "company":
            texts = texts.assign(region="Company")
        above = found[-1].codes[first] if found else np.zeros(1, dtype=np.int64)
        found.append(Level(name, codes, texts, above, top))
        top += len(texts)
    return found


class Book:
    """A workbook that is being written, and the numbers that its cells show."""

    def __init__(
        self, book: Any, ground: Ground, table: pd.DataFrame, activity: Mapping[str, float]
    ) -> None:
        self.book, self.ground, self.table, self.activity = book, ground, table, activity
        self.goal, self.base = ground.plan.goal, ground.base
        self.stages = [*ground.funnel.stages, "won"]
        self.levels = levels_of(ground.staff.table)
        self.has_amount = bool(self.goal.price) and self.goal.metric not in COUNTED
        self.block = len(self.stages) + 1 + self.has_amount
        self.months = [month.name for month in ground.months]
        self.capacity = ground.capacity()
        self.points = ground.points()
        self.idle = self.capacity.sum(axis=1) <= 0
        self.capacity[self.idle] = 1.0  # shared out equally, as `apportion` does it
        self.price = self.goal.price or 1.0
        now = ground.rates("team")
        self.raised = ground.wanted(now) is not now  # whether the rates are those of a goal in one
        self.figures = {level.name: self._figures(level) for level in self.levels}
        self.style = styles(book)
        names = ["Goal", *(level.sheet for level in self.levels)]
        names += ["By when", "Shares", "Divisor", "Capacity"]
        self.sheets = {name: book.add_worksheet(name) for name in names}
        self.widths: dict[str, dict[int, int]] = {name: {} for name in names}

    def _figures(self, level: Level) -> dict[str, NDArray[np.float64]]:
        """Give what the table has of a level, places × months × stages and won."""
        rows = self.table[(self.table["level"] == level.name).to_numpy()]
        shape = (len(level), MONTHS, len(self.stages))
        columns = ("needed", "projected", "short", "rate", "amount")
        return {name: rows[name].to_numpy(dtype=float).reshape(shape) for name in columns} | {
            "says": rows["says"].to_numpy(dtype=object).reshape(shape)
        }

    def _house(self, level: Level) -> NDArray[np.int64]:
        """Give the units of each place in each month, or whole amounts without a price."""
        amounts = self.figures[level.name]["amount"][:, :, -1] / self.price
        return np.rint(amounts).astype(np.int64)

    @functools.cached_property
    def houses(self) -> dict[str, NDArray[np.int64]]:
        """Level -> what each of its places brings in each month, in whole numbers."""
        return {level.name: self._house(level) for level in self.levels}

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

    def of(self, level: Level) -> tuple[NDArray[np.float64], ...]:
        """Weight, least and most of each place of a level."""
        return tuple(
            np.bincount(level.codes, weights=values, minlength=len(level)).astype(float)
            for values in self._bases
        )

    def weighed(self, level: Level) -> NDArray[np.float64]:
        """Give the weights that a level is shared out by: equal ones where all beside are 0."""
        above = self.levels[self.levels.index(level) - 1]
        none = self.of(above)[0] <= 0
        return np.where(none[level.above], 1.0, self.of(level)[0])

    def within(self, level: Level) -> NDArray[np.float64]:
        """Give the most that each place can get, of what there is above it."""
        above = self.levels[self.levels.index(level) - 1]
        house = self.houses[above.name].sum(axis=1)[level.above]
        _, least, most = self.of(level)
        return np.maximum(least, np.where(self.weighed(level) > 0, np.minimum(most, house), least))

    @functools.cached_property
    def limits(self) -> NDArray[np.float64]:
        """The most that any rep had at each stage, in the working days of each."""
        days = self.ground.staff.days(self.ground.months).sum(axis=1)
        return self.ground.funnel.most()[None, :] * days[:, None]

    def halvings(self, level: Level, place: int) -> tuple[float, list[float]]:
        """Find the first multiplier that is too large, and those after each halving."""
        below = self.levels[self.levels.index(level) + 1]
        inside = below.above == place
        weights, within = self.weighed(below)[inside], self.within(below)[inside]
        least = self.of(below)[1][inside]
        some = weights > 0
        start = float(((within[some] + 1) / weights[some]).max())
        house = int(self.houses[level.name][place].sum())
        return start, formulas.halvings_of(weights, least, within, start, house)

    def text(self, sheet: Any, row: int, column: int, text: object, style: str = "text") -> None:
        """Write a text, made plain where a spreadsheet program would run it."""
        sheet.write_string(row, column, spreadsheets.plain(str(text)), self.style[style])

    def figure(self, sheet: Any, row: int, column: int, value: float, style: str) -> None:
        """Write a number, and nothing where it is not known."""
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
        """Write a formula that computes with whole ranges."""
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

    def columns(self, sheet: Any, first: int, last: int, width: int, *, hide: bool = False) -> None:
        """Make columns as wide as so many digits; what is hidden has no width on paper."""
        sheet.set_column(first, last, width, None, {"hidden": hide})
        self.widths[sheet.get_name()] |= dict.fromkeys(range(first, last + 1), 0 if hide else width)

    def paper(
        self, sheet: Any, title: str, line: str, *, row: int, column: int, names: int
    ) -> None:
        """Print a table on as many sheets across as can be read, its title above each of them.

        Parameters
        ----------
        row, column : where the table ends
        names : the first columns, which are printed on every sheet
        """
        sheet.print_area(TOP - 2, 0, row, column)
        sheet.repeat_rows(TOP - 2, TOP - 1)
        sheet.repeat_columns(0, names - 1)
        sheet.set_margins(left=SIDES, right=SIDES, top=ABOVE, bottom=BELOW)
        sheet.set_header(header(title, line))
        sheet.set_footer("&R&8&P / &N")
        pixels = [7 * self.widths[sheet.get_name()].get(n, 9) + 5 for n in range(column + 1)]
        kept, rest = sum(pixels[:names]), sum(pixels[names:])
        sheet.fit_to_pages(max(1, math.ceil(rest / max(ACROSS - kept, 1))), 0)

    def wide(self, sheet: Any, level: Level, *, hide: bool = False) -> None:
        """Make the columns of the keys as wide as their names; `hide` leaves out empty ones."""
        for column, key in enumerate(KEYS):
            texts = level.keys[key]
            width = max(10, min(40, int(texts.str.len().max()) + 3))
            self.columns(sheet, column, column, width, hide=hide and bool(texts.eq("").all()))

    def keys(self, sheet: Any, row: int, level: Level, place: int) -> None:
        """Write where a place belongs."""
        for column, key in enumerate(KEYS):
            self.text(sheet, row, column, level.keys[key].iloc[place])

    def note(self, sheet: Any, row: int, column: int, text: str) -> None:
        """Write a note, which is shown beside its cell."""
        sheet.write_comment(row, column, text, {"x_scale": 2.4, "y_scale": 1.6, "author": ""})

    def unit(self) -> str:
        """Name what is shared out in whole numbers."""
        return "units" if self.goal.price else self.goal.metric

    def price_cell(self) -> str:
        """Name the cell of the unit price; one where there is none."""
        return ref(PRICE, 1, sheet="Goal") if self.goal.price else "1"

    def inside(self, level: Level, place: int, column: int) -> str:
        """Name the cells of the places within a place, on the sheet of the shares."""
        below = self.levels[self.levels.index(level) + 1]
        rows = below.top + np.flatnonzero(below.above == place)
        return area(int(rows[0]), column, int(rows[-1]), column)

    def parent(self, level: Level, place: int) -> int:
        """Find the row of the place above, on the sheet of the shares."""
        return self.levels[self.levels.index(level) - 1].top + int(level.above[place])

    def column(self, rank: int, place: int) -> int:
        """Find the column of a place, on the sheet of the divisor."""
        return 1 + sum(len(level) for level in self.levels[:rank]) + place


def styles(book: Any) -> dict[str, Any]:
    """Make the formats of a workbook: what may be changed is framed and open."""
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
        "multiplier": quiet | {"num_format": "0.00000000"},
        "rank": quiet | {"align": "center"},
        "bound": quiet | {"num_format": '[>=1000000000000000]"none";#,##0'},
        "ends": {"bottom": 1, "bottom_color": theme.FAINT},
        "over": {"bold": True, "font_color": theme.ACCENT},
        "whole bold": {"num_format": "#,##0", "bold": True},
        "input": entry | {"num_format": "#,##0"},
        **{name: {"num_format": form} for name, form in numbers.items()},
        **{f"input {name}": entry | {"num_format": form} for name, form in numbers.items()},
    }
    return {name: book.add_format(plain | said) for name, said in styles.items()}


def header(title: str, line: str) -> str:
    """Write title and line as what stands above each printed sheet; a long line is left out."""
    told = [f'&L&12&"Arial,Bold"{title.replace("&", "&&")}']
    lines = textwrap.wrap(line.replace("&", "&&"), HEADER_LETTERS)
    told += [f'&9&"Arial,Regular"{lines[0]}', *lines[1:]]
    whole = "\n".join(told)
    return whole if len(whole) <= HEADER_MOST else told[0]


def ref(row: int, column: int, *, sheet: str = "") -> str:
    """Name a cell, counted from 0."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    cell = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return f"{sheet}!{cell}" if sheet else str(cell)


def area(row: int, column: int, end_row: int, end_column: int, *, sheet: str = "") -> str:
    """Name a range, counted from 0."""
    return f"{ref(row, column, sheet=sheet)}:{ref(end_row, end_column)}"


def moment(day: dt.date) -> dt.datetime:
    """Give the first moment of a day, as the writer takes dates."""
    return dt.datetime.combine(day, dt.time())


def serial(day: dt.date) -> int:
    """Number a day as spreadsheet programs do."""
    return (day - dt.date(1899, 12, 30)).days
