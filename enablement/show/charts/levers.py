"""The tornado: what each lever alone comes to, from the worst quarter of the reps to the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.plan.goal import COUNTED
from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 24  # px of a row
NUMBERS = (
    ("today", "datum.present_said", 94),
    ("needed", "datum.needed_said", 92),
    ("at best", "datum.gain_said", 70),
)
MARGIN = 0.03  # of the axis, beyond what is drawn
FURTHEST = 2.0  # widths of all bars, up to which what is wanted stands on their axis
COUNTED_AS = (
    "What each lever alone comes to, from the worst quarter of the reps (grey) to the best (marked)"
)


def levers(table: pd.DataFrame) -> alt.VConcatChart:
    """Which lever moves the result most, and how far must each go?

    A tornado: a bar per lever from what comes with it at its worst to what comes with it at its
    best, all others as today, the widest at the top. Lines for what comes if nothing changes and
    for what is wanted. A lever that nobody is known to be better at keeps an empty row
    and says so at its end.

    Parameters
    ----------
    table : as `enablement.levers` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``worse``, ``better``, ``today``, ``wanted``
        and ``numbers``.
    """
    import altair as alt

    shown = _said(table)
    told = table.attrs
    reach = _reach(table)
    marks = pd.DataFrame(_marks(table, reach))
    scale = alt.Scale(domain=reach, nice=False, zero=False)
    currency = "" if told["metric"] in COUNTED else told["currency"]
    axis = alt.Axis(
        tickCount=4, labelExpr=frame.short_money("datum.value", currency), labelOverlap="greedy"
    )
    at = alt.X("at:Q", scale=scale, axis=axis)
    y = frame.group_axis(shown["name"], field="name")
    numbers = frame.fitted(NUMBERS, shown)
    base = alt.Chart(shown)
    tooltip = _tooltip()
    layers = [
        base.transform_filter("datum.low < datum.today")
        .mark_bar(height={"band": 0.6}, color=theme.MUTED)
        .encode(
            y=y,
            x=alt.X("low:Q", title=told["metric"], scale=scale, axis=axis),
            x2="today:Q",
            tooltip=tooltip,
        )
        .properties(name="worse"),
        base.transform_filter("datum.alone > datum.today")
        .mark_bar(height={"band": 0.6}, color=theme.ACCENT)
        .encode(
            y=y,
            x=alt.X("today:Q", title=told["metric"], scale=scale, axis=axis),
            x2="alone:Q",
            tooltip=tooltip,
        )
        .properties(name="better"),
        *_lines(marks, at, middle=sum(reach) / 2),
        *frame.columns(base, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers),
            height=frame.height(len(shown), frame.step(shown["name"], STEP)),
        ),
        table,
        shown["name"],
        finding=words.levers(table),
        counted=f"{COUNTED_AS}, all others as today. {words.reached(table)}",
        numbers=descriptions.levers(table),
    )


def _lines(marks: pd.DataFrame, x: alt.X, *, middle: float) -> list[alt.Chart]:
    """Draw the two lines, and write above each what it is."""
    import altair as alt

    lines = alt.Chart(marks)
    drawn = [
        lines.transform_filter(f"datum.what === '{what}' && datum.drawn")
        .mark_rule(color=colour, strokeWidth=width)
        .encode(x=x)
        .properties(name=what)
        for what, colour, width in (("today", theme.QUIET, 1), ("wanted", theme.TARGET, 2))
    ]
    said = [
        lines.transform_filter(f"datum.what === '{what}'")
        .mark_text(
            align="left" if at < middle else "right",
            dx=-3 if at < middle else 3,
            baseline="bottom",
            color=theme.QUIET,
            fontSize=11,
        )
        .encode(x=x, y=alt.value(height), text="said:N")
        .properties(name=f"{what} said")
        for what, height, at in zip(("today", "wanted"), (-3, -17), marks["at"], strict=True)
    ]
    return [*drawn, *said]


def _said(table: pd.DataFrame) -> pd.DataFrame:
    """Write the numbers beside the marks, the widest bar first."""
    rows = [row for _, row in table.iterrows()]
    shown = table.assign(
        name=[theme.wrapped(words.lever(row)) for row in rows],
        today=table.attrs["projected"],
        **{
            f"{what}_said": [words.of_lever(row, what, table) for row in rows]
            for what in ("present", "needed", "worst", "best", "most")
        },
        gain_said=[_gained(row, table) for row in rows],
    )
    width = (shown["alone"] - shown["low"]).round(6)
    return shown.iloc[(-width).argsort(kind="stable")]


def _gained(row: pd.Series, table: pd.DataFrame) -> str:
    """Write what a lever brings at its best; in words where nobody is better."""
    if round(row["gain"], 6) > 0:
        return f"+{words.figure(row['gain'], table)}"
    return "no room" if row["low"] >= row["alone"] else "–"


def _marks(table: pd.DataFrame, reach: list[float]) -> list[dict[str, object]]:
    """Lay out the two lines, each with its words; what lies beyond the axis has words alone."""
    told = table.attrs
    marks = []
    for what, key in (("today", "projected"), ("wanted", "target")):
        at, said = told[key], f"{what} {words.figure(told[key], table)}"
        beyond = not reach[0] <= at <= reach[1]
        way = "" if not beyond else ", far to the left" if at < reach[0] else ", far to the right"
        at = min(max(at, reach[0]), reach[1])
        marks.append({"what": what, "at": at, "drawn": not beyond, "said": said + way})
    return marks


def _reach(table: pd.DataFrame) -> list[float]:
    """Find the ends of the axis: what is wanted is on it where that leaves the bars room."""
    every = [*table["low"], *table["alone"], table.attrs["projected"]]
    least, most = min(every), max(every)
    wide, target = most - least, table.attrs["target"]
    if max(target - most, least - target) <= FURTHEST * wide or not wide > 0:
        least, most = min(least, target), max(most, target)
    room = MARGIN * ((most - least) or abs(most) or 1.0)
    return [least - room, most + room]


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("name:N", title="lever"),
        alt.Tooltip("unit:N"),
        alt.Tooltip("worst_said:N", title="worst quarter of the reps"),
        alt.Tooltip("present_said:N", title="today"),
        alt.Tooltip("needed_said:N", title="needed"),
        alt.Tooltip("most_said:N", title="as far as it may go"),
        alt.Tooltip("best_said:N", title="best"),
        alt.Tooltip("gain_said:N", title="brings at its best"),
    ]
