"""The worksheet on screen: what is needed at each stage and by when, or what each place brings."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from enablement.errors import EnablementError, choices
from enablement.plan.cascade import LEVELS
from enablement.show import theme, words

if TYPE_CHECKING:
    from great_tables import GT

BY = ("stage", "region", "team", "rep", "parts")
MOST_PLACES = 40  # rows; whoever needs more of them needs the workbook
COMPANY = "Company"
OTHERS = (
    "Counted rep by rep, each with rates and a part of their own: by the rates of all together, "
    "as in what-if, a little less or more is needed."
)
QUARTER = 3  # months
SMALL = "small"
# Inside the tags, since JupyterLab drops a sheet of styles from a notebook that is not trusted.
TITLE = "margin: 0 0 3px; font-size: 14px; font-weight: 600"
FINDING = "margin: 0 0 10px; font-size: 12px"
NOTE = "margin: 0 0 3px; font-size: 12px"
LEFT = "text-align: left"


@dataclasses.dataclass(frozen=True)
class Screen:
    """A table for the screen, which looks the same on every run and on every page.

    table : as Great Tables has it
    name : of the place and the kind of table, for the ids in it
    what, told : its title, and what it found; nothing where the answer's words have said it
    notes : what stands below it, a line each
    text : the rows in letters
    """

    table: GT
    name: str
    what: str
    told: str
    notes: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """Give the table in letters."""
        return "\n".join([self.what, *([self.told] if self.told else []), self.text, *self.notes])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": str(self)}

    def html(self) -> str:
        """Write it as HTML that loads nothing, in the colours of the page around it."""
        written = self.table.with_id(self.name).as_raw_html()
        plain = re.sub(r"<style>.*?</style>", "", written, count=1, flags=re.DOTALL)
        inside = plain[plain.index("<table") : plain.rindex("</table>") + len("</table>")]
        inside = inside.replace("<table", f'<table aria-labelledby="{self.name}-what"', 1)
        for name in ("gt_group_heading", "gt_row gt_left gt_stub"):
            inside = re.sub(rf'class="{name}"', f'style="{LEFT}" class="{name}"', inside)
        parts = [
            f'<div id="{self.name}" class="worksheet">',
            f"<style>\n{theme.table_style(f'#{self.name}')}</style>",
            f'<p class="what" id="{self.name}-what" style="{TITLE}">{html.escape(self.what)}</p>',
            *(
                [f'<p class="told" style="{FINDING}">{html.escape(self.told)}</p>']
                if self.told
                else []
            ),
            f'<div class="scroll">{inside}</div>',
            *(f'<p style="{NOTE}">{html.escape(note)}</p>' for note in self.notes),
            "</div>",
        ]
        return theme.literal("\n".join(parts))


def results_worksheet(table: pd.DataFrame, *, by: str = "stage", of: str | None = None) -> Screen:
    """Show what is needed at each stage by when, or what each place brings.

    Parameters
    ----------
    table : as `enablement.results_worksheet` returns it
    by : ``stage``, a row for each, quarter by quarter, with the day by which it must have been
        entered; or ``region``, ``team`` or ``rep``, a row for each place, with what it is to
        bring and what comes if nothing changes; ``parts`` are the teams of the company, else the
        reps of what has no teams
    of : region, team or rep (id or name) that it is of; None for the company

    Returns
    -------
    Screen
        A table of at most seven columns, shown by JupyterLab, Voila and the report.

    Raises
    ------
    EnablementError
        If there is no such place or level.
    """
    if by not in BY:
        raise EnablementError(f"by={by!r}. {choices(by, list(BY))}")
    place, level, here = _place(table, of)
    present = [str(name) for name in table["level"].unique()]
    below = present[present.index(level) + 1 :]
    if by == "parts":
        by = next((name for name in ("team", "rep") if name in below), "stage")
    if by == "stage":
        return _by_stage(table, here, place)
    if by not in below:
        raise EnablementError(f"{place} has no {by} in it. {choices(by, ['stage', *below])}")
    rows = table[(table["level"] == by) & (table[level] == here[level].iloc[0])] if (
        level != "company"
    ) else table[table["level"] == by]  # fmt: skip
    return _by_place(table, rows, here, by, place)


def _place(table: pd.DataFrame, of: str | None) -> tuple[str, str, pd.DataFrame]:
    """Find the rows of a place, its name and its level."""
    if of is None:
        return COMPANY, "company", table[table["level"] == "company"]
    labels = table.attrs["labels"]
    known: list[str] = []
    for level in LEVELS[1:]:
        rows = table[table["level"] == level]
        names = rows["rep_id" if level == "rep" else level]
        shown = names.map(labels) if level == "rep" else names
        found = rows[names.eq(of) | shown.eq(of)]
        if len(found):
            return str(shown[found.index[0]]), level, found
        known += [str(name) for name in shown.dropna().unique()]
    raise EnablementError(f"of={of!r} is no place of this worksheet. {choices(of, known)}")


def _by_stage(table: pd.DataFrame, here: pd.DataFrame, place: str) -> Screen:
    """Make a row for each stage, then won and what that is worth."""
    months = list(here["month"].cat.categories)
    quarters = [months[at : at + QUARTER] for at in range(0, len(months), QUARTER)]
    stages = list(here["stage"].cat.categories)
    rows = [_stage_row(table, here[here["stage"] == stage], quarters) for stage in stages]
    rows += [_worth_row(table, here, quarters, column) for column in _worths(table)]
    names = [*stages, *(_worth_name(table, column) for column in _worths(table))]
    heads = [_quarter(quarter) for quarter in quarters]
    strong = set(range(len(stages) - 1, len(names)))
    frame = pd.DataFrame(rows, columns=[*heads, "in all", "short"])
    frame.insert(0, "stage", [name[0].upper() + name[1:] for name in names])
    shown = _made(frame, "stage", strong=strong).tab_spanner("needed for what is won in", heads)
    seen = table.attrs["as_of"]
    notes = [
        "The day is the last one on which all of the quarter must have entered the stage"
        + (f"; past days are as of {seen}." if seen else "."),
        "Short is what is needed over what comes if nothing changes.",
        *([OTHERS] if seen else []),
    ]
    told = "" if place == COMPANY else _of_place(here, table.attrs["when"])
    return _screen(shown, frame, table, place, "stage", told, notes)


def _stage_row(table: pd.DataFrame, rows: pd.DataFrame, quarters: list[list[str]]) -> list[str]:
    parts = [rows[rows["month"].isin(quarter)] for quarter in quarters]
    told = [f"{part['needed'].sum():,.0f}{_day(table, part)}" for part in parts]
    return [*told, f"{rows['needed'].sum():,.0f}", _short(rows["short"].sum())]


def _day(table: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Write by when all of it must have entered; of won nothing, which the quarter says."""
    last = rows["by"].max()
    if pd.isna(last) or rows["stage"].iloc[0] == rows["stage"].cat.categories[-1]:
        return ""
    day = last.date()
    year = f" {day.year}" if day.year != _year(rows) else ""
    seen = table.attrs["as_of"]
    past = ", past" if seen and day <= dt.date.fromisoformat(seen) else ""
    return f"\n{day.day} {day:%b}{year}{past}"


def _year(rows: pd.DataFrame) -> int:
    """Find the year of the last month's wins."""
    return int(str(rows["month"].max())[:4])


def _worths(table: pd.DataFrame) -> list[str]:
    """List what the wins are told in besides their number."""
    amount = ["amount"] if table.attrs["metric"] == "won amount" else []
    won = table[table["units"].notna()]
    own = len(won) and not won["units"].eq(won["needed"]).all()  # a won one may be a unit itself
    return (["units"] if own else []) + amount


def _worth_name(table: pd.DataFrame, column: str) -> str:
    return "units" if column == "units" else str(table.attrs["metric"])


def _worth_row(
    table: pd.DataFrame, here: pd.DataFrame, quarters: list[list[str]], column: str
) -> list[str]:
    won = here[here[column].notna()]
    parts = [won[won["month"].isin(quarter)][column].sum() for quarter in quarters]
    write = words.whole if column == "units" else lambda n: words.figure(n, table)
    return [*(write(float(part)) for part in parts), write(float(sum(parts))), ""]


def _by_place(
    table: pd.DataFrame, rows: pd.DataFrame, here: pd.DataFrame, by: str, place: str
) -> Screen:
    """Make a row for each place, those of one place above together, and one for all of them."""
    key = "rep_id" if by == "rep" else by
    present = [str(name) for name in table["level"].unique()]
    over = present[present.index(by) - 1]
    above = "" if over == "company" or rows[over].nunique() == 1 else over
    listed = rows.drop_duplicates(key)
    more = len(listed) - MOST_PLACES
    listed = listed.head(MOST_PLACES)
    labels = table.attrs["labels"]
    cells = [_place_row(table, rows[rows[key] == name]) for name in listed[key]]
    names = list(words.names(listed[key], labels))
    groups = list(words.names(listed[above], {})) if above else []
    first = str(table["stage"].cat.categories[0])
    columns = ["to bring", f"{first} needed", f"{first} comes", "won needed", "won comes", "short"]
    frame = pd.DataFrame([*cells, _place_row(table, here)], columns=columns)
    frame.insert(0, by, [*names, place])
    if groups:
        frame.insert(0, above, [*groups, "All"])
    shown = _made(frame, by, group=above or None, strong={len(frame) - 1})
    if groups:
        shown = shown.row_group_order([*dict.fromkeys(groups), "All"])
    shown = shown.tab_spanner(first, columns[1:3]).tab_spanner("won", columns[3:])
    shown = shown.cols_label({name: name.rsplit(" ", 1)[-1] for name in columns[1:5]})
    notes = ["In the goal's twelve months; comes: if nothing changes."]
    if more > 0:
        notes.append(f"{more:,} more are in the workbook: enablement goal --out worksheet.xlsx.")
    if (rows["says"] != "").any():
        notes.append("Short in italics: more at a stage than any rep has ever had.")
    told = _of_places(rows, key, by, labels)
    return _screen(shown, frame, table, place, by, told, notes)


def _of_places(rows: pd.DataFrame, key: str, by: str, labels: Mapping[str, str]) -> str:
    """Say of how many places wins are short, and where most of them are."""
    won = rows[rows["stage"] == rows["stage"].cat.categories[-1]]
    sums = won.groupby(key, observed=True, sort=False)[["needed", "projected", "short"]].sum()
    lacking = sums[sums["short"].round() > 0]
    if lacking.empty:
        return f"No {by} is short of wins if nothing changes."
    most = lacking["short"].idxmax()
    row = lacking.loc[most]
    who = words.names(pd.Series([most]), labels).iloc[0]
    told = f"{who}, where {row['projected']:,.0f} of {row['needed']:,.0f} come"
    if len(sums) == 1:
        return f"Wins are short at {told} if nothing changes."
    return (
        f"{len(lacking):,} of {len(sums):,} {by}s are short of wins if nothing changes, most of "
        f"all {told}."
    )


def _place_row(table: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    stages = rows["stage"].cat.categories
    sums = rows.groupby("stage", observed=False)[["needed", "projected", "short"]].sum()
    first, won = sums.loc[stages[0]], sums.loc[stages[-1]]
    return [
        words.figure(rows["amount"].sum(), table),
        f"{first['needed']:,.0f}",
        f"{first['projected']:,.0f}",
        f"{won['needed']:,.0f}",
        f"{won['projected']:,.0f}",
        _short(won["short"], never=bool((rows["says"] != "").any())),
    ]


def _short(number: float, *, never: bool = False) -> str:
    """Write what is short; nothing where there is enough."""
    told = "–" if round(number) <= 0 else f"{number:,.0f}"
    return f"_{told}_" if never else told


def _quarter(months: Sequence[str]) -> str:
    """Name three months by their quarter, where they are one."""
    year, _, first = months[0].partition("M")
    if int(first) % QUARTER == 1 and len(months) == QUARTER:
        return f"{year}Q{int(first) // QUARTER + 1}"
    return f"{months[0]} to {months[-1]}"


def _made(frame: pd.DataFrame, stub: str, *, strong: Iterable[int], group: str | None = None) -> GT:
    """Make the table: names at the left, figures right, totals strong, days in small letters."""
    from great_tables import GT

    figures = [name for name in frame.columns if name not in (stub, group)]
    made = GT(frame, rowname_col=stub, groupname_col=group).cols_align("right", columns=figures)
    rest = [row for row in range(len(frame)) if row not in set(strong)]
    made = made.fmt(_cell, columns=figures, rows=rest)
    written = [stub, *figures]
    return made.fmt(lambda text: f"<strong>{_cell(text)}</strong>", columns=written, rows=[*strong])


def _cell(text: object) -> str:
    """Write a cell: what stands in a second line is small, what is between lines in italics."""
    first, _, second = html.escape(str(text)).partition("\n")
    if first.startswith("_"):
        first = f"<em>{first.strip('_')}</em>"
    return f"{first}<br><{SMALL}>{second}</{SMALL}>" if second else first


def _of_place(here: pd.DataFrame, when: str) -> str:
    """Say of one place how many of the wins that are needed come."""
    won = here[here["stage"] == here["stage"].cat.categories[-1]]
    needed, comes = float(won["needed"].sum()), float(won["projected"].sum())
    told = {
        "ahead": f"If nothing changes, {comes:,.0f} of the {needed:,.0f} wins come that are needed",
        "over": f"The goal's months are over: {comes:,.0f} of the {needed:,.0f} wins were to come",
    }[when]
    never = here.loc[here["says"] != "", "stage"].drop_duplicates()
    return told + (
        f"; at {never.iloc[0]} it {here['says'].loc[never.index[0]]}." if len(never) else "."
    )


def _screen(
    made: GT,
    frame: pd.DataFrame,
    table: pd.DataFrame,
    place: str,
    by: str,
    told: str,
    notes: list[str],
) -> Screen:
    what = "What is needed at each stage, and by when" if by == "stage" else f"Each {by}'s part"
    seen = table.attrs["as_of"]
    below = (
        " ".join(notes),
        f"Definition: {table.attrs['definition']}.",
        f"As of {seen}." if seen else "As the plan states it.",
    )
    name = f"worksheet-{by}-" + re.sub(r"[^a-z0-9]+", "-", place.lower()).strip("-")
    text = frame.replace({"\n": " by ", "_": ""}, regex=True).to_string(index=False)
    return Screen(made, name, f"{what}: {place}", told, below, text)
