"""What all charts share: title and footer, axes of names and of shares, room and steps."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import theme, words

if TYPE_CHECKING:
    import altair as alt

Column = tuple[str, str, int]  # name, expression of the text, room in px
FEW, FEW_STEP = 4, 30
GROUP_STEP = 18
DENSE_STEP = 14  # where there are more rows than MANY
MANY = 40
MOST_GROUPS = 60  # that are drawn where some say more than others
DEEPEST = 172  # px that names may take at the left, in as many lines as they need
NAME_LINE = 15  # px of a line of a name
FOOT_LETTERS = 108
PANEL_GAP = 14
NARROW = 320  # px of a plot whose axis has fewer numbers
LETTER = 7  # px of a letter at the size of the names, at most on average
DIGIT = 6.2  # px of a sign in a number beside a plot, on average
COLUMN_GAP = 14  # px between columns of numbers
FIELD = re.compile(r"datum\.(\w+)")
COUNT = re.compile(r"format\(([^()]*), ',(?:\.0f)?'\)")
BETWEEN = re.compile(r"'( [a-z]+ )'")  # such as the " of " between two counts


def finish(
    chart: alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart,
    table: pd.DataFrame,
    names: pd.Series,
    *,
    finding: str,
    counted: str,
    numbers: str = "",
) -> alt.VConcatChart:
    """Give a chart its words: the finding, what is counted, a footer, a description.

    Parameters
    ----------
    chart : the plot
    table : what it draws, with its ``attrs``
    names : those at the left, under which the footer begins
    finding, counted : title and subtitle
    numbers : the main numbers in a sentence, for those who hear the chart
    """
    import altair as alt

    return alt.vconcat(chart, _footer(_notes(table), names), spacing=2).properties(
        title=theme.title(finding, counted),
        description=" ".join(
            part
            for part in (finding, numbers, counted, f"Definition: {table.attrs['definition']}.")
            if part
        ),
    )


def words_alone(
    why: str, table: pd.DataFrame, *, width: int, finding: str, counted: str
) -> alt.VConcatChart:
    """Say in place of a chart why nothing is drawn.

    Parameters
    ----------
    why : in a few words
    table : what would be drawn, with its ``attrs``
    width : of the chart that would be there, in px
    finding, counted : title and subtitle
    """
    import altair as alt

    word = (
        alt.Chart(pd.DataFrame({"why": [why]}))
        .mark_text(align="left", color=theme.QUIET)
        .encode(x=alt.value(4), text="why:N")
        .properties(name="cannot_say")
    )
    plot = alt.layer(word).properties(width=width, height=24)
    return finish(plot, table, pd.Series(dtype="str"), finding=finding, counted=counted)


def group(table: pd.DataFrame) -> str:
    """Name what a table is split by, as the title of a tooltip."""
    return ", ".join(map(_title, table.attrs["groups"])) or "all"


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Put the group's names, for ids and for nobody, into a field of its own.

    A column of the data may be called anything; a field of a chart may not.
    """
    if not table.attrs["groups"]:
        return table.assign(group="All")
    names = words.groups(table, table).map(theme.wrapped)
    return table.drop(columns=list(table.attrs["groups"])).assign(group=names)


def foremost(shown: pd.DataFrame, weight: pd.Series) -> pd.DataFrame:
    """Keep, of more groups than a reader goes through, those with the least of a weight.

    Parameters
    ----------
    shown : rows with a ``group``
    weight : of each row; the least of a group's rows counts
    """
    least = weight.groupby(shown["group"], sort=False).min()
    if len(least) <= MOST_GROUPS:
        return shown
    kept = least.sort_values(kind="stable").index[:MOST_GROUPS]  # those without a weight come last
    return shown[shown["group"].isin(kept)]


def drawn(shown: pd.DataFrame, every: pd.DataFrame, which: str) -> str:
    """Say which groups are drawn, where it is not all of them."""
    kept, all_of_them = shown["group"].nunique(), every["group"].nunique()
    return "" if kept == all_of_them else f" Drawn: the {kept} {which}, of {all_of_them:,}."


def group_axis(names: pd.Series, *, field: str = "group") -> alt.Y:
    """Lay out a row for each name, in the order of the table."""
    import altair as alt

    order = list(dict.fromkeys(names))
    axis = names_axis(names)
    if len(order) > MANY:  # the eye needs a line from the name to the last panel
        axis = alt.Axis(**{**axis.to_dict(), "grid": True, "labelFontSize": 11})
    return alt.Y(f"{field}:N", sort=order, title=None, axis=axis)


def names_axis(names: pd.Series) -> alt.Axis:
    """Write the names at the left, whole, each in the middle of its row, without lines."""
    import altair as alt

    axis = alt.Axis(
        labelLimit=DEEPEST,
        minExtent=_room(names),
        ticks=False,
        domain=False,
        grid=False,
        labelPadding=8,
    )
    if _lines(names) > 1:  # the further lines of a label hang below the first
        axis.labelOffset = {
            "condition": [
                {
                    "test": f"length(split(datum.value, '\\n')) === {lines}",
                    "value": -(lines - 1) * NAME_LINE / 2,
                }
                for lines in range(2, _lines(names) + 1)
            ],
            "value": 0,
        }
    return axis


def share(field: str, title: str, *, most: float = 1.0, width: int = theme.WIDTH) -> alt.X:
    """Lay out shares from 0 to 100 %, or beyond where a ratio of counts reaches.

    Parameters
    ----------
    width : of the plot, in px; a narrow one has fewer numbers, which would meet
    """
    import altair as alt

    return alt.X(
        field,
        title=title,
        scale=alt.Scale(domain=[0, most]),
        axis=alt.Axis(format=theme.PERCENT, tickCount=5 if width >= NARROW else 2),
    )


def panels(
    layers: list[alt.Chart],
    shown: pd.DataFrame,
    *,
    field: str,
    columns: list[str],
    height: int,
) -> alt.FacetChart:
    """Draw the same layers once for each stage, side by side in funnel order.

    Parameters
    ----------
    layers : charts without data of their own
    shown : the rows of all panels
    field : the column that tells the panels apart
    columns : its values, in order
    height : of each panel, in px
    """
    import altair as alt

    width = max(0, panel_width(len(columns)))
    header = alt.Header(labelFontSize=11, labelColor=theme.INK, labelLimit=width + PANEL_GAP)
    return (
        alt.layer(*layers, data=shown)
        .properties(width=width, height=height)
        .facet(
            column=alt.Column(f"{field}:N", sort=columns, title=None, header=header),
            spacing=PANEL_GAP,
        )
    )


def panel_width(panels: int) -> int:
    """Share the width of a page between panels."""
    return (theme.WIDTH + 80) // panels - PANEL_GAP


def columns(
    base: alt.Chart,
    y: alt.Y,
    numbers: tuple[Column, ...],
    *,
    known: str,
    start: int | None = None,
) -> list[alt.Chart]:
    """Write numbers at the right of the plot, each column under its name.

    Parameters
    ----------
    base : the chart whose rows they belong to
    numbers : name of each column, the expression of its text, and its room in px
    known : the expression that a row with numbers fulfils
    start : px from the left of the plot; None for where it ends beside such columns
    """
    import altair as alt

    written = []
    first = plot_width(numbers) if start is None else start
    edges = itertools.accumulate((room for _, _, room in numbers), initial=first)
    for (name, what, _), edge in zip(numbers, itertools.islice(edges, 1, None), strict=True):
        at = alt.value(edge)
        written.append(
            base.transform_filter(known)
            .transform_calculate(number=what)
            .mark_text(align="right", color=theme.INK)
            .encode(y=y, x=at, text="number:N")
            .properties(name=f"numbers {name}")
        )
        written.append(
            alt.Chart(pd.DataFrame({"name": [name]}))
            .mark_text(align="right", color=theme.QUIET, fontSize=11)
            .encode(x=at, y=alt.value(-8), text="name:N")
        )
    return written


def fitted(numbers: tuple[Column, ...], shown: pd.DataFrame) -> tuple[Column, ...]:
    """Give columns of numbers the room that the longest of each takes, at least their own.

    One of which no row has a number has no column.

    Parameters
    ----------
    shown : the rows whose columns the expressions name
    """
    return tuple(
        (name, what, max(room, round(DIGIT * _letters(what, shown)) + COLUMN_GAP))
        for name, what, room in numbers
        if not _unknown(what, shown)
    )


def _unknown(what: str, shown: pd.DataFrame) -> bool:
    """Whether an expression is a text of which every row is a dash."""
    text = FIELD.fullmatch(what)
    return text is not None and len(shown) > 0 and shown[text[1]].eq("–").all()


def _letters(what: str, shown: pd.DataFrame) -> int:
    """Count the letters of the longest text of an expression: of counts, or a text itself."""
    text = FIELD.fullmatch(what)
    if text:
        return max(map(len, shown[text[1]].astype("str")), default=0)
    counts = [
        sum(shown[field].astype("float64").max() for field in FIELD.findall(terms))
        for terms in COUNT.findall(what)
    ]
    between = sum(map(len, BETWEEN.findall(what)))
    return sum(len(words.whole(most)) for most in counts) + between


def plot_width(numbers: tuple[Column, ...]) -> int:
    """Find how wide a plot is beside such columns of numbers."""
    return theme.WIDTH + 80 - sum(room for _, _, room in numbers)


def panel_share(field: str, *, most: float = 1.0) -> alt.X:
    """Lay out shares in a narrow panel: the end has no number, it would meet the next panel's."""
    import altair as alt

    return alt.X(
        field,
        title=None,
        scale=alt.Scale(domain=[0, most]),
        axis=alt.Axis(
            values=[0, 0.5, 1], labelExpr="datum.value == 1 ? '' : format(datum.value, '.0%')"
        ),
    )


def highest(table: pd.DataFrame) -> float:
    """Find where the axis of a rate ends: at 1, or beyond where a ratio of counts does."""
    most = table["rate"].max()
    return 1.0 if pd.isna(most) else max(1.0, float(most))


def amount(field: str, currency: str, *, title: str, reach: list[float]) -> alt.X:
    """Lay out money with short labels such as ``$1.5 M``."""
    import altair as alt

    axis = alt.Axis(tickCount=4, labelExpr=short_money("datum.value", currency))
    return alt.X(field, title=title, axis=axis, scale=alt.Scale(domain=reach))


def extent(*values: pd.Series) -> list[float]:
    """Find from where to where an axis goes: from nothing, or below, to the most of what is drawn.

    Where all is missing it has an end of its own: a field without a value has none to give.
    """
    every = pd.concat(values).astype("float64")
    least, most = every.min(), every.max()
    return [
        0.0 if pd.isna(least) else min(0.0, float(least)),
        1.0 if pd.isna(most) or most <= 0 else float(most),
    ]


def short_money(value: str, currency: str) -> str:
    """Write an expression of Vega that shows money short, as `words.money` does."""
    sign = json.dumps(words.sign_of(currency))
    steps = "".join(
        f"abs({value}) >= {size} ? format(abs({value}) / {size}, '.3~g') + ' {letter}' : "
        for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    )
    return f"({value} < 0 ? '−' : '') + {sign} + ({steps}format(abs({value}), '.3~g'))"


def rates(
    base: alt.Chart, y: alt.Y, x: alt.X, tooltip: list[alt.Tooltip], *, value: str, out_of: str
) -> list[alt.Chart]:
    """Draw a rate as a point, larger for more, over its interval from low to high.

    Parameters
    ----------
    base : the chart whose rows they are
    x : the axis, of ``low``
    value, out_of : columns of the point and of the count that makes it larger
    """
    known = base.transform_filter(f"isValid(datum.{value})")
    return [
        known.mark_rule(color=theme.MUTED)
        .encode(y=y, x=x, x2="high:Q")
        .properties(name="interval"),
        known.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x=f"{value}:Q", size=size(f"{out_of}:Q"), tooltip=tooltip)
        .properties(name="rate"),
    ]


def without(base: alt.Chart, y: alt.Y, *, known: str, word: str) -> alt.Chart:
    """Write in an empty row why it is empty.

    Parameters
    ----------
    known : the expression that a row with a mark fulfils
    word : the column of the words
    """
    import altair as alt

    return (
        base.transform_filter(f"!({known})")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text=f"{word}:N")
        .properties(name="none")
    )


def reaching(values: pd.Series, *, least: float) -> float:
    """Find where an axis of shares ends: a little beyond what is drawn, at most at 1."""
    most = values.max()
    return least if pd.isna(most) else min(1.0, max(least, 1.05 * float(most)))


def size(field: str, *, largest: int = 110) -> alt.Size:
    """Draw a larger point for a larger count."""
    import altair as alt

    return alt.Size(field, legend=None, scale=alt.Scale(range=[14, largest], zero=True))


def height(rows: int, step: int) -> int:
    """Give each row its step, and an empty table the room of one."""
    return max(rows, 1) * step


def rows_height(names: pd.Series) -> int:
    """Give the rows of groups their room: less each where there are many, more to a long name."""
    rows = names.nunique()
    return height(rows, step(names, GROUP_STEP if rows <= MANY else DENSE_STEP))


def bars_height(names: pd.Series) -> int:
    """Give bars more room where there are few, as `rows_height` where there are more."""
    rows = names.nunique()
    return height(rows, step(names, FEW_STEP)) if rows <= FEW else rows_height(names)


def step(names: pd.Series, usual: int) -> int:
    """Give every row the room of the name with the most lines."""
    lines = _lines(names)
    return usual if lines == 1 else max(usual, lines * NAME_LINE + 4)


def level(table: pd.DataFrame) -> str:
    """Write how sure the intervals are meant to be, such as ``90 %``."""
    return words.percent(table.attrs["confidence"])


def _lines(names: pd.Series) -> int:
    """Count the lines of the name with the most of them."""
    return max((str(name).count("\n") + 1 for name in names), default=1)


def _footer(notes: list[str], names: pd.Series) -> alt.Chart:
    """Write the definition line under a chart, as far left as its longest name begins."""
    import altair as alt

    lines = [line for note in notes for line in theme.lines_of(note, letters=FOOT_LETTERS)]
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
    seen = f"As of {table.attrs['as_of']}." if table.attrs["as_of"] else "As the plan states it."
    if last := table.attrs.get("ended"):
        seen = f"{seen[:-1]}, as if nothing had happened after {last}, the last day seen."
    if table.attrs.get("credit", "").startswith("current"):
        seen += f" Credit: {table.attrs['credit']}."
    return [f"Definition: {table.attrs['definition']}.", seen]


def _room(names: pd.Series) -> int:
    """Find the px that the names at the left take, so that the footer can begin where they do."""
    longest = max((len(line) for name in names for line in str(name).split("\n")), default=0)
    return min(DEEPEST, longest * LETTER) + 8


def _title(group: str) -> str:
    return group.removesuffix("_id").replace("_", " ")
