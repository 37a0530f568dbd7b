"""Open opportunities by how long they have been in their stage."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 34
MOST = 2_000  # lines that are drawn; where there would be more, one stands for several days
PALEST = 0.4  # of a line that stands for one, where others stand for many
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
    the stale ones in the accent, beyond the stage's own limit, which is the longer line. Those
    with the same days share a line, which is darker the more there are.

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
    marks, counts = _lines(shown, table.attrs["currency"]), _stages(shown)
    numbers, stages = frame.fitted(NUMBERS, counts), alt.Chart(counts)
    y = alt.Y("place:N", sort=places, title=None, axis=frame.names_axis(shown["place"]))
    tooltip = [
        alt.Tooltip("told:N", title="opportunity"),
        alt.Tooltip("rep:N"),
        alt.Tooltip("days:Q", format=","),
        alt.Tooltip("median:Q", title="half leave within", format=".0f"),
        alt.Tooltip("limit:Q", format=".0f"),
        alt.Tooltip("said:N", title="amount"),
    ]
    most = int(marks["many"].max()) if len(marks) else 1
    denser = alt.Opacity(
        "many:Q",
        legend=None,
        scale=alt.Scale(type="sqrt", domain=[1, most], range=[PALEST, 1]),
    )
    layers = [
        alt.Chart(marks)
        .mark_tick(thickness=2, size=14)
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
            opacity=denser if most > 1 else alt.value(0.75),
            tooltip=tooltip,
        )
        .properties(name="opportunity"),
        stages.transform_filter("isValid(datum.limit)")
        .mark_tick(color=theme.TARGET, thickness=2, size=28)
        .encode(y=y, x="limit:Q")
        .properties(name="limit"),
        *frame.columns(stages, y, numbers, known="true"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.height(len(places), STEP)
        ),
        table,
        shown["place"],
        finding=words.stale(table),
        counted=f"A short line for each open opportunity{', darker for several' * (most > 1)}; the "
        "long one: the limit of its stage. Marked: those beyond it."
        + "".join(
            f" No limit for {stage}: {why}." for stage, why in table.attrs["cannot_say"].items()
        ),
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
    )


def _lines(shown: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Put those together that stand in one place: same stage, same days, stale or not."""
    dated = shown[shown["days"].notna()]
    rows = 2 * max(dated["place"].nunique(), 1)
    width = max(1, math.ceil(rows * dated["days"].max() / MOST)) if len(dated) > MOST else 1
    keys = ["place", "days", "late"]
    placed = dated.assign(days=dated["days"] // width * width)
    lines = placed.groupby(keys, dropna=False, sort=False).agg(
        many=("opportunity_id", "size"),
        told=("opportunity_id", "first"),
        rep=("rep", "first"),
        **{name: (name, "first") for name in ("median", "limit")},
        amount=("amount", functools.partial(pd.Series.sum, min_count=1)),
    )
    several = lines["many"] > 1
    together = lines["many"].map("{:,} of them".format)
    return lines.reset_index().assign(
        told=lines["told"].mask(several, together).to_numpy(),
        rep=lines["rep"].mask(several, "several").to_numpy(),
        said=words.amounts(lines["amount"], currency),
    )


def _stages(shown: pd.DataFrame) -> pd.DataFrame:
    """Count the stale ones of each stage."""
    return shown.groupby("place", sort=False, as_index=False).agg(
        limit=("limit", "max"), stale_ones=("late", "sum"), known_ones=("known", "sum")
    )
