"""Open opportunities by how long they have been in their stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 34
NUMBERS = (
    (
        "stale",
        "datum.known_ones ? format(datum.stale_ones, ',') + ' of ' + "
        "format(datum.known_ones, ',') : '–'",
        84,
    ),
    ("limit", "isValid(datum.limit) ? format(datum.limit, '.0f') : '–'", 50),
)


def stale(table: pd.DataFrame) -> alt.VConcatChart:
    """Which open ones have been in their stage for too long?

    A row per stage and a short line for every opportunity that is open there, at its days;
    the stale ones in the accent, beyond the stage's own limit, which is the longer line.

    Parameters
    ----------
    table : as `enablement.stale` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``opportunity``, ``limit`` and ``numbers``.
    """
    import altair as alt

    shown = _placed(table)
    places = list(dict.fromkeys(shown["place"]))
    base = alt.Chart(shown.drop(columns="rep_id"))
    y = alt.Y("place:N", sort=places, title=None, axis=frame.names_axis(shown["place"]))
    tooltip = [
        alt.Tooltip("opportunity_id:N", title="opportunity"),
        alt.Tooltip("rep:N"),
        alt.Tooltip("days:Q", format=","),
        alt.Tooltip("median:Q", title="half leave within", format=".0f"),
        alt.Tooltip("limit:Q", format=".0f"),
        alt.Tooltip("said:N", title="amount"),
    ]
    stages = base.transform_aggregate(
        limit="max(limit)",
        stale_ones="sum(late)",
        known_ones="sum(known)",
        groupby=["place"],
    )
    width = frame.plot_width(NUMBERS)
    layers = [
        base.transform_filter("isValid(datum.days)")
        .mark_tick(thickness=2, size=14, opacity=0.75)
        .encode(
            y=y,
            x=alt.X(
                "days:Q",
                title="days in the stage",
                scale=alt.Scale(domain=frame.extent(table["days"], table["limit"]), nice=True),
                axis=alt.Axis(tickCount=5, tickMinStep=1, format=theme.COUNT),
            ),
            color=alt.condition(
                "datum.late === 1", alt.value(theme.ACCENT), alt.value(theme.MUTED)
            ),
            tooltip=tooltip,
        )
        .properties(name="opportunity"),
        stages.transform_filter("isValid(datum.limit)")
        .mark_tick(color=theme.TARGET, thickness=2, size=28)
        .encode(y=y, x="limit:Q")
        .properties(name="limit"),
        *frame.columns(stages, y, NUMBERS, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=width, height=frame.height(len(places), STEP)),
        table,
        shown["place"],
        finding=words.stale(table),
        counted="A short line for each open opportunity; the long one: the limit of its stage. "
        "Marked: those beyond it."
        + "".join(f" {why}" for why in table.attrs["cannot_say"].values()),
        numbers=descriptions.stale(table) or f"Open: {len(table):,}.",
    )


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """Name the stages in funnel order, with the pipeline where there are several."""
    several = table["pipeline"].nunique() > 1
    placed = table.sort_values(["pipeline", "stage"] if several else "stage", kind="stable")
    stage = placed["stage"].astype("str")
    named = placed["pipeline"] + ": " + stage if several else stage
    return placed.assign(
        place=named.map(theme.wrapped),
        rep=words.names(placed["rep_id"], table.attrs["labels"]),
        late=placed["stale"].astype("Int64"),
        known=placed["stale"].notna().astype("int64"),
        said=[words.money(amount, table.attrs["currency"]) for amount in placed["amount"]],
    )
