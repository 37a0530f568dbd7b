"""How long it takes, in days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt


def sales_cycle(table: pd.DataFrame) -> alt.VConcatChart:
    """How long does it take to win?

    A row per group: the median, its interval as a line, and a tick by which nine
    in ten were won.

    Parameters
    ----------
    table : as `enablement.sales_cycle` returns it, split by at most one column

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``median``, ``p90`` and ``numbers``.
    """
    import altair as alt

    group = frame.group(table)
    shown = frame.named(table)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    days = alt.X("low:Q", title="days", scale=alt.Scale(zero=True))
    tooltip = [
        alt.Tooltip("group:N", title=group),
        alt.Tooltip("median:Q", format=".0f"),
        alt.Tooltip("low:Q", format=".0f"),
        alt.Tooltip("high:Q", format=".0f"),
        alt.Tooltip("p90:Q", format=".0f", title="nine in ten"),
        alt.Tooltip("won:Q"),
    ]
    layers = [
        base.mark_rule(color=theme.MUTED)
        .encode(y=y, x=days, x2="high:Q")
        .properties(name="interval"),
        base.mark_circle(color=theme.INK, opacity=1, size=60)
        .encode(y=y, x="median:Q", tooltip=tooltip)
        .properties(name="median"),
        base.mark_tick(color=theme.MUTED, thickness=2, height=12)
        .encode(y=y, x="p90:Q", tooltip=tooltip)
        .properties(name="p90"),
        frame.at_right(base, y, "format(datum.won, ',') + ' won'").properties(name="numbers"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=theme.WIDTH, height=frame.height(len(shown), frame.GROUP_STEP)
        ),
        table,
        shown["group"],
        finding=words.sales_cycle(table),
        counted=f"Median days with its {frame.level(table)} interval; the tick: nine in ten took "
        "at most so long.",
    )
