"""What reps do in a day, and who leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

DAILY = (
    ("a day", "datum.per_day_said", 50),
    ("counted", "format(datum.counted, ',')", 64),
    ("held", "datum.held_said", 160),
)
LEFT = (
    ("rate", "datum.share", 56),
    ("left", "format(datum.leavers, ',')", 44),
    ("there", "format(datum.headcount, '.1f')", 56),
)
ROOM = 34  # px of a number at the right of a panel


def activity(table: pd.DataFrame) -> alt.VConcatChart:
    """What do reps do in a day, and how much of what is booked is held?

    A bar per type for how many fall on a working day of a rep, with how many were held of
    those booked at its right. Split into groups, a row per group and a panel per type, each on
    a scale of its own.

    Parameters
    ----------
    table : as `enablement.activity` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar`` and ``numbers``; in panels ``bar`` and
        ``number``.
    """
    shown = table.assign(
        kind=table["activity_type"].astype("str").map(theme.wrapped),
        per_day_said=["–" if pd.isna(n) else f"{n:.2f}" for n in table["per_day"]],
        held_said=_held(table),
    )
    if table.attrs["groups"]:
        return _by_type(frame.named(shown), table)
    return _types(shown, table)


def _held(table: pd.DataFrame) -> list[str]:
    """Write the share held of those booked, with its interval."""
    rows = zip(table["booked"], table["rate"], table["low"], table["high"], strict=True)
    return [
        f"{words.percent(rate)} of {booked:,.0f} ({words.interval(low, high)})" if booked else "–"
        for booked, rate, low, high in rows
    ]


def _types(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    numbers = frame.fitted(DAILY, shown)
    base = alt.Chart(shown)
    y = alt.Y("kind:N", sort=list(shown["kind"]), title=None, axis=frame.names_axis(shown["kind"]))
    x = alt.X(
        "per_day:Q",
        title="on a working day of a rep",
        axis=alt.Axis(tickCount=4),
        scale=alt.Scale(domain=frame.extent(table["per_day"])),
    )
    layers = [
        base.mark_bar(height={"band": 0.62}, color=theme.MUTED)
        .encode(y=y, x=x, tooltip=_tips("kind"))
        .properties(name="bar"),
        *frame.columns(base, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.bars_height(shown["kind"])
        ),
        table,
        shown["kind"],
        finding=words.activity(table),
        counted=f"How many fall on a working day of a rep who was there; held of those booked, "
        f"with its {frame.level(table)} interval.",
        numbers=descriptions.activity(table),
    )


def _by_type(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    kinds = list(dict.fromkeys(shown["kind"]))
    width = frame.panel_width(len(kinds))
    base = alt.Chart()
    y = frame.group_axis(shown["group"])
    x = alt.X(
        "per_day:Q",
        axis=None,
        scale=alt.Scale(domain=frame.extent(table["per_day"]), range=[0, max(8, width - ROOM)]),
    )
    layers = [
        base.mark_bar(height={"band": 0.62}, color=theme.MUTED)
        .encode(y=y, x=x, tooltip=_tips("group"))
        .properties(name="bar"),
        base.mark_text(align="right", color=theme.INK, fontSize=11)
        .encode(y=y, x=alt.value(width), text="per_day_said:N")
        .properties(name="number"),
    ]
    height = frame.rows_height(shown["group"])
    return frame.finish(
        frame.panels(layers, shown, field="kind", columns=kinds, height=height),
        table,
        shown["group"],
        finding=words.activity(table),
        counted="How many fall on a working day of a rep who was there, all bars on one scale.",
        numbers=descriptions.activity(table),
    )


def _tips(named: str) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip(f"{named}:N", title="type" if named == "kind" else "group"),
        alt.Tooltip("per_day_said:N", title="a day"),
        alt.Tooltip("held_said:N", title="held"),
        alt.Tooltip("counted:Q", format=","),
        alt.Tooltip("working_days:Q", title="working days", format=","),
        alt.Tooltip("per_opportunity:Q", title="an opportunity", format=".1f"),
    ]


def turnover(table: pd.DataFrame) -> alt.VConcatChart:
    """How many reps leave?

    A row per group: the rate, larger for more people, and its interval. It can exceed 100 %:
    one seat can be left twice in a year.

    Parameters
    ----------
    table : as `enablement.turnover` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``rate``, ``numbers`` and ``none``.
    """
    import altair as alt

    shown = frame.named(table).assign(
        share=table["rate"].map(words.percent), none="nobody was there"
    )
    numbers = frame.fitted(LEFT, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    _, most = frame.extent(table["high"], table["rate"])
    x = frame.share("low:Q", "left, of those there on average", most=1.05 * most)
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("rate", "low", "high")),
        *(alt.Tooltip(f"{name}:Q", format=",") for name in ("leavers", "joiners")),
        alt.Tooltip("headcount:Q", format=".1f"),
    ]
    known = "isValid(datum.rate)"
    layers = [
        *frame.rates(base, y, x, tooltip, value="rate", out_of="headcount"),
        *frame.columns(base, y, numbers, known=known),
        frame.without(base, y, known=known, word="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.bars_height(shown["group"])
        ),
        table,
        shown["group"],
        finding=words.turnover(table),
        counted=f"Leavers of the average headcount, with its {frame.level(table)} interval; larger "
        "points, more people.",
        numbers=descriptions.turnover(table),
    )
