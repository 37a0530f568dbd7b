"""How much of what accounts could spend they spend with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

NUMBERS = (
    ("share", "datum.share", 50),
    ("won", "datum.won_said", 72),
    ("potential", "datum.potential_said", 76),
    ("accounts", "format(datum.accounts, ',')", 66),
)


def share_of_wallet(table: pd.DataFrame) -> alt.VConcatChart:
    """How much of what accounts could spend do they spend with us?

    A bar per group for the share of the potential that was won, and a tick for the median of
    the accounts. There is no interval: nothing is sampled, and a potential is a guess.

    Parameters
    ----------
    table : as `enablement.share_of_wallet` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``bar``, ``median``, ``numbers`` and ``none``.
    """
    import altair as alt

    currency = table.attrs["currency"]
    shown = frame.named(table).assign(
        share=table["rate"].map(words.percent),
        won_said=words.amounts(table["won"], currency),
        potential_said=words.amounts(table["potential"], currency),
        none="no potential known",
    )
    numbers = frame.fitted(NUMBERS, shown)
    base = alt.Chart(shown)
    y = frame.group_axis(shown["group"])
    _, most = frame.extent(table["rate"], table["median"])
    height = frame.bars_height(shown["group"])
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("rate", "median")),
        *(alt.Tooltip(f"{name}:Q", format=",") for name in ("accounts", "untouched", "over")),
        alt.Tooltip("without_potential:Q", title="without a potential", format=","),
    ]
    known = "isValid(datum.rate)"
    layers = [
        base.mark_bar(height={"band": 0.62}, color=theme.MUTED)
        .encode(
            y=y,
            x=frame.share("rate:Q", "won, of the potential of a year", most=1.05 * most),
            tooltip=tooltip,
        )
        .properties(name="bar"),
        base.transform_filter("isValid(datum.median)")
        .mark_tick(color=theme.INK, thickness=2, size=0.7 * height / max(len(shown), 1))
        .encode(y=y, x="median:Q", tooltip=tooltip)
        .properties(name="median"),
        *frame.columns(base, y, numbers, known=known),
        frame.without(base, y, known=known, word="none"),
    ]
    over = int(table["over"].sum())
    return frame.finish(
        alt.layer(*layers).properties(width=frame.plot_width(numbers), height=height),
        table,
        shown["group"],
        finding=words.share_of_wallet(table),
        counted="Amount won in a year of what accounts could spend; the tick: the median account."
        + (f" {over:,} spent more than their potential, which is wrong then." if over else ""),
        numbers=descriptions.share_of_wallet(table),
    )
