"""What all charts share: title and footer, axes of names and of shares, room and steps."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import theme, words

if TYPE_CHECKING:
    import altair as alt

GROUP_STEP = 18
DEEPEST = 150  # px that names may take at the left
FOOT_LETTERS = 108
LETTER = 7  # px of a letter at the size of the names, at most on average


def finish(
    chart: alt.LayerChart | alt.FacetChart,
    table: pd.DataFrame,
    names: pd.Series,
    *,
    finding: str,
    counted: str,
) -> alt.VConcatChart:
    """Give a chart its words: the finding, what is counted, a footer, a description."""
    import altair as alt

    return alt.vconcat(chart, _footer(_notes(table), names), spacing=2).properties(
        title=theme.title(finding, counted),
        description=f"{finding} {counted} {table.attrs['definition']}",
    )


def group(table: pd.DataFrame) -> str:
    """Name what a table is split by, as the title of a tooltip."""
    groups = table.attrs["groups"]
    return _title(groups[-1]) if groups else "all"


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Put the group's names, for ids and for nobody, into a field of its own.

    A column of the data may be called anything; a field of a chart may not.
    """
    if not table.attrs["groups"]:
        return table.assign(group="All")
    names = words.names(table[table.attrs["groups"][-1]], table.attrs["labels"])
    return table.drop(columns=list(table.attrs["groups"])).assign(group=names)


def group_axis(names: pd.Series, *, field: str = "group") -> alt.Y:
    """Lay out a row for each name, in the order of the table."""
    import altair as alt

    order = list(dict.fromkeys(names))
    return alt.Y(f"{field}:N", sort=order, title=None, axis=names_axis(names))


def names_axis(names: pd.Series) -> alt.Axis:
    """Write the names at the left, whole, without lines."""
    import altair as alt

    return alt.Axis(
        labelLimit=DEEPEST,
        minExtent=_room(names),
        ticks=False,
        domain=False,
        grid=False,
        labelPadding=8,
    )


def share(field: str, title: str, *, most: float = 1.0) -> alt.X:
    """Lay out shares from 0 to 100 %, or beyond where a ratio of counts reaches."""
    import altair as alt

    return alt.X(
        field,
        title=title,
        scale=alt.Scale(domain=[0, most]),
        axis=alt.Axis(format=theme.PERCENT, tickCount=5),
    )


def size(field: str, *, largest: int = 110) -> alt.Size:
    """Draw a larger point for a larger count."""
    import altair as alt

    return alt.Size(field, legend=None, scale=alt.Scale(range=[14, largest], zero=True))


def at_right(base: alt.Chart, y: alt.Y, what: str) -> alt.Chart:
    """Write a column of numbers at the right of the plot."""
    import altair as alt

    return (
        base.transform_calculate(number=what)
        .mark_text(align="right", color=theme.INK)
        .encode(y=y, x=alt.value(theme.WIDTH + 72), text="number:N")
    )


def height(rows: int, step: int) -> int:
    """Give each row its step, and an empty table the room of one."""
    return max(rows, 1) * step


def level(table: pd.DataFrame) -> str:
    """Write how sure the intervals are meant to be, such as ``90 %``."""
    return words.percent(table.attrs["confidence"])


def _footer(notes: list[str], names: pd.Series) -> alt.Chart:
    """Write the definition line under a chart, as far left as its longest name begins."""
    import altair as alt

    lines = [line for note in notes for line in textwrap.wrap(note, FOOT_LETTERS)]
    return (
        alt.Chart(pd.DataFrame({"line": lines, "n": range(len(lines))}))
        .mark_text(align="left", baseline="top", color=theme.QUIET, fontSize=11)
        .encode(
            x=alt.value(-_room(names)),
            y=alt.Y("n:O", axis=None),
            text="line:N",
        )
        .properties(width=theme.WIDTH, height=len(lines) * 15, name="footer")
    )


def _notes(table: pd.DataFrame) -> list[str]:
    seen = f"As of {table.attrs['as_of']}."
    if table.attrs.get("credit", "").startswith("current"):
        seen += f" Credit: {table.attrs['credit']}."
    return [f"Definition: {table.attrs['definition']}.", seen]


def _room(names: pd.Series) -> int:
    """Find the px that the names at the left take, so that the footer can begin where they do."""
    longest = max((len(line) for name in names for line in str(name).split("\n")), default=0)
    return min(DEEPEST, longest * LETTER) + 8


def _title(group: str) -> str:
    return group.removesuffix("_id").replace("_", " ")
