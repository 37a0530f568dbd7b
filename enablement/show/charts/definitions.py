"""The definitions of a conversion side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

ROW_STEP = 24
SAID = "format(100 * datum.rate, '.0f') + ' %'"


def compare_definitions(table: pd.DataFrame) -> alt.VConcatChart:
    """Does the weakest stage depend on the definition?

    A row per definition and a panel per stage: the rate as a point with its number, the
    lowest of each definition in the accent. A ratio of counts, which can lie beyond 100 %,
    is a ring. Stages of which no definition has a rate are named and have no panel.

    Parameters
    ----------
    table : as `enablement.compare_definitions` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``rate``, ``said`` and ``none``.
    """
    import altair as alt

    unsaid = words.without_rate(table)
    some = table[~table["stage"].astype("str").isin(unsaid)] if len(unsaid) else table
    shown = some.assign(
        stage=some["stage"].astype("str").map(theme.wrapped),
        ratio=some["definition"].isin(words.RATIOS),
    )
    stages = list(dict.fromkeys(shown["stage"]))
    compared = len(stages) > 1
    shown = shown.assign(weakest=shown["weakest"] & compared)
    y = frame.group_axis(shown["definition"], field="definition")
    base = alt.Chart().encode(y=y)
    known = base.transform_filter("isValid(datum.rate)")
    tooltip = [
        alt.Tooltip("definition:N"),
        alt.Tooltip("stage:N"),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("moved_on:Q"),
        alt.Tooltip("entered:Q"),
    ]
    layers = [
        known.mark_point(size=60, opacity=1, filled=False)
        .encode(
            x=frame.panel_share("rate:Q", most=frame.highest(table)),
            color=_accented(theme.MUTED),
            fill=_filled(),
            tooltip=tooltip,
        )
        .properties(name="rate"),
        *_said(known),
        base.transform_filter("!isValid(datum.rate)")
        .mark_text(align="left", color=theme.QUIET, fontSize=11)
        .encode(x=alt.value(2), text=alt.value("none"))
        .properties(name="none"),
    ]
    height = frame.height(shown["definition"].nunique(), ROW_STEP)
    missing = "".join(f" {stage} has no rate by any." for stage in unsaid)
    return frame.finish(
        frame.panels(layers, shown, field="stage", columns=stages, height=height),
        table,
        shown["definition"],
        finding=words.compare_definitions(table),
        counted="Share that moved on, by each definition. Rings: ratios of two counts."
        + (" Marked: the lowest of each." if compared else "")
        + f"{missing} The lowest rate is not yet the costliest gap.",
        numbers=descriptions.compare_definitions(table),
    )


def _accented(otherwise: str) -> alt.Color:
    """Colour the lowest rate of each definition."""
    import altair as alt

    return alt.Color(condition={"test": "datum.weakest", "value": theme.ACCENT}, value=otherwise)


def _filled() -> alt.Fill:
    """Fill the points of shares, and leave the ratios rings."""
    import altair as alt

    return alt.Fill(
        condition=[
            {"test": "datum.ratio", "value": theme.PAPER},
            {"test": "datum.weakest", "value": theme.ACCENT},
        ],
        value=theme.MUTED,
    )


def _said(known: alt.Chart) -> list[alt.Chart]:
    """Write each rate beside its point, on the side where there is room."""
    said = known.transform_calculate(said=SAID)
    high, low = (
        said.transform_filter("datum.rate > 0.5"),
        said.transform_filter("datum.rate <= 0.5"),
    )
    return [
        text.encode(x="rate:Q", text="said:N", color=_accented(theme.QUIET)).properties(name=name)
        for name, text in (
            ("said", high.mark_text(align="right", dx=-8, fontSize=11)),
            ("said low", low.mark_text(align="left", dx=8, fontSize=11)),
        )
    ]
