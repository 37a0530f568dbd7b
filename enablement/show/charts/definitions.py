"""The definitions of a conversion side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import theme
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt


def compare_definitions(table: pd.DataFrame) -> alt.VConcatChart:
    """Does the weakest stage depend on the definition?

    A row per definition and a panel per stage: the rate as a point, the lowest of
    each definition in the accent. A ratio of counts can lie beyond 100 %.

    Parameters
    ----------
    table : as `enablement.compare_definitions` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layer ``rate``.
    """
    import altair as alt

    stages = list(dict.fromkeys(table["stage"].astype("str").map(theme.wrapped)))
    shown = table.assign(stage=table["stage"].astype("str").map(theme.wrapped))
    width = (theme.WIDTH + 60) // len(stages) - 14
    y = frame.group_axis(shown["definition"], field="definition")
    base = alt.Chart().encode(y=y)
    tooltip = [
        alt.Tooltip("definition:N"),
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("moved_on:Q"),
        alt.Tooltip("entered:Q"),
    ]
    highest = max(1.0, float(table["rate"].max())) if table["rate"].notna().any() else 1.0
    share = alt.X(
        "rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, highest]),
        axis=alt.Axis(
            values=[0, 0.5, 1], labelExpr="datum.value == 1 ? '' : format(datum.value, '.0%')"
        ),
    )
    color = alt.condition("datum.weakest", alt.value(theme.ACCENT), alt.value(theme.MUTED))
    point = base.mark_circle(size=70, opacity=1).encode(x=share, color=color, tooltip=tooltip)
    said = base.transform_filter("datum.weakest").mark_text(color=theme.ACCENT, dy=-10, fontSize=11)
    layers = [
        point.properties(name="rate"),
        said.encode(x=share, text=alt.Text("rate:Q", format=theme.PERCENT)).properties(name="said"),
    ]
    header = alt.Header(labelFontSize=11, labelColor=theme.INK, labelLimit=width + 14)
    panels = (
        alt.layer(*layers, data=shown)
        .properties(width=width, height=frame.height(shown["definition"].nunique(), 26))
        .facet(column=alt.Column("stage:N", sort=stages, title=None, header=header), spacing=14)
    )
    return frame.finish(
        panels,
        table,
        shown["definition"],
        finding=str(table.attrs["verdict"]),
        counted="Share that moved on, by each definition; the lowest of each is marked.",
    )
