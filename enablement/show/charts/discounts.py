"""How much less than the list price is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

NUMBERS = (
    ("mean", "datum.mean_said", 50),
    ("by value", "datum.rate_said", 66),
    ("won", "format(datum.won, ',')", 50),
)


def discount_rate(table: pd.DataFrame) -> alt.VConcatChart:
    """How much less than the list price is paid?

    A row per group: the mean discount of each won one, larger for more, with its interval,
    and a tick for the discount of the sums. A group that won nothing keeps an empty row.

    Parameters
    ----------
    table : as `enablement.discount_rate` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``rate``, ``by value``,
        ``numbers`` and ``none``.
    """
    import altair as alt

    shown = frame.named(table).assign(
        mean_said=table["mean"].map(words.percent),
        rate_said=table["rate"].map(words.percent),
        none="nothing won at a known list price",
    )
    numbers = frame.fitted(NUMBERS, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    least = min(0.0, *table[["low", "mean", "rate"]].min().fillna(0.0))
    most = frame.reaching(table[["high", "mean", "rate"]].max(axis=1), least=0.1)
    x = alt.X(
        "low:Q",
        title="less than the list price",
        scale=alt.Scale(domain=[least, most]),
        axis=alt.Axis(format=theme.PERCENT, tickCount=5),
    )
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("mean:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        alt.Tooltip("rate:Q", format=".1%", title="by value"),
        alt.Tooltip("median:Q", format=".1%"),
        alt.Tooltip("largest:Q", format=".0%", title="carried by the largest"),
        alt.Tooltip("won:Q", format=","),
        alt.Tooltip("without_list:Q", format=",", title="without a list price"),
    ]
    height = frame.bars_height(shown["group"])
    layers = [
        *frame.rates(base, y, x, tooltip, value="mean", out_of="won"),
        base.transform_filter("isValid(datum.rate)")
        .mark_tick(color=theme.MUTED, thickness=2, size=0.7 * height / max(len(shown), 1))
        .encode(y=y, x="rate:Q", tooltip=tooltip)
        .properties(name="by value"),
        *frame.columns(base, y, numbers, known="isValid(datum.mean)"),
        frame.without(base, y, known="isValid(datum.mean)", word="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=frame.plot_width(numbers), height=height),
        table,
        shown["group"],
        finding=words.discount_rate(table),
        counted=f"Mean discount of each, with its {frame.level(table)} interval; larger points, "
        "more won. The tick: the discount of the sums, which a large one moves most."
        + _unlisted(table),
        numbers=descriptions.discount_rate(table),
    )


def _unlisted(table: pd.DataFrame) -> str:
    without = int(table["without_list"].sum())
    return f" {without:,} won without a list price are in no figure." if without else ""
