"""Reps and other groups beside each other: who wins how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt


def win_rate(table: pd.DataFrame) -> alt.VConcatChart:
    """Who wins how often, and does it differ beyond chance?

    A row per group, by team and name and not by rank: the rate, larger for more
    decided, its interval, and a line at the rate of all. A group with nothing
    decided keeps an empty row that says so.

    Parameters
    ----------
    table : as `enablement.win_rate` returns it, split by at most one column

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``overall``, ``interval``, ``rate``,
        ``numbers`` and ``none``.
    """
    import altair as alt

    group = frame.group(table)
    shown = frame.named(table).assign(overall=table.attrs["overall"])
    base = alt.Chart(shown).transform_calculate(decided="datum.won + datum.lost")
    y = frame.group_axis(shown["group"])
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        alt.Tooltip("won:Q"),
        alt.Tooltip("lost:Q"),
    ]
    layers = [
        base.mark_rule(color=theme.MUTED, strokeDash=[3, 3])
        .encode(x=alt.X("mean(overall):Q"))
        .properties(name="overall"),
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=frame.share("low:Q", "won, of those decided"), x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1)
        .encode(y=y, x="rate:Q", size=frame.size("decided:Q"), tooltip=tooltip)
        .properties(name="rate"),
        frame.at_right(base, y, "format(datum.won, ',') + ' of ' + format(datum.decided, ',')")
        .transform_filter("datum.decided > 0")
        .properties(name="numbers"),
        base.transform_filter("datum.decided == 0")
        .transform_calculate(none="'nothing decided'")
        .mark_text(align="left", color=theme.QUIET)
        .encode(y=y, x=alt.value(4), text="none:N")
        .properties(name="none"),
    ]
    overall = table.attrs["overall"]
    dashed = "" if len(table) < 2 else f" Dashed: all together, {words.percent(overall)}."
    return frame.finish(
        alt.layer(*layers).properties(width=theme.WIDTH, height=frame.rows_height(len(shown))),
        table,
        shown["group"],
        finding=words.win_rate(table),
        counted=f"Share won of those decided, with its {frame.level(table)} interval; larger "
        f"points, more decided.{dashed}",
    )
