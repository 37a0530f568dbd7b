"""How much the open pipeline brings a day, beside the four factors it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

PANEL, GAP, ROOM = 50, 8, 54  # px of a bar's panel, of what parts them, of the number at its end


def sales_velocity(table: pd.DataFrame) -> alt.VConcatChart:
    """How much does the open pipeline bring a day?

    A row per group and five panels, each on a scale of its own: how many are open, the win
    rate, the average won amount and the days of a cycle, and in the accent what they make, with
    its interval. Only the days are better when they are fewer.

    Parameters
    ----------
    table : as `enablement.sales_velocity` returns it

    Returns
    -------
    altair.VConcatChart
        The plots over their definition line. Panels ``open``, ``win_rate``, ``average``, ``days``
        and ``velocity``, each with the layers ``bar`` and ``number``; the last ``interval`` too.
    """
    import altair as alt

    currency = table.attrs["currency"]
    shown = frame.named(table).assign(
        open_said=table["open"].map(words.whole),
        win_rate_said=table["win_rate"].map(words.percent),
        average_said=words.amounts(table["average"], currency),
        days_said=table["days"].map(words.whole),
        velocity_said=words.amounts(table["velocity"], currency),
    )
    heads = {
        "open": "open",
        "win_rate": "× won",
        "average": "× each",
        "days": "/ days",
        "velocity": "= a day",
    }
    panels = [_panel(shown, table, name, head) for name, head in heads.items()]
    return frame.finish(
        alt.hconcat(*panels, spacing=GAP),
        table,
        shown["group"],
        finding=words.sales_velocity(table),
        counted="Open × win rate × average won amount / average days of a cycle, each on a "
        f"scale of its own; the line: the {frame.level(table)} interval.",
        numbers=descriptions.sales_velocity(table),
    )


def _panel(
    shown: pd.DataFrame, table: pd.DataFrame, name: str, head: str
) -> alt.LayerChart | alt.FacetChart:
    """Draw one factor, or what all of them make."""
    import altair as alt

    made = name == "velocity"
    y = frame.group_axis(shown["group"])
    if name != "open":
        y = alt.Y("group:N", sort=list(dict.fromkeys(shown["group"])), title=None, axis=None)
    base = alt.Chart(shown)
    reach = table["high"].fillna(table["velocity"]).max() if made else table[name].max()
    most = 1.0 if pd.isna(reach) or reach <= 0 else float(reach)
    x = alt.X(f"{name}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, most]))
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        *(alt.Tooltip(f"{column}:Q", format=",") for column in ("open", "won", "lost")),
        alt.Tooltip("win_rate:Q", format=".1%"),
        alt.Tooltip("average_said:N", title="each"),
        alt.Tooltip("days:Q", format=".0f"),
        alt.Tooltip("velocity_said:N", title="a day"),
    ]
    layers = [
        base.mark_bar(height={"band": 0.6}, color=theme.ACCENT if made else theme.MUTED)
        .encode(y=y, x=x, tooltip=tooltip)
        .properties(name="bar"),
        base.mark_text(align="right", color=theme.INK)
        .encode(y=y, x=alt.value(PANEL + ROOM), text=f"{name}_said:N")
        .properties(name="number"),
        alt.Chart(pd.DataFrame({"head": [head]}))
        .mark_text(align="right", color=theme.QUIET, fontSize=11)
        .encode(x=alt.value(PANEL + ROOM), y=alt.value(-8), text="head:N"),
    ]
    if made:
        layers.insert(
            1,
            base.transform_filter("isValid(datum.low)")
            .mark_rule(color=theme.INK, strokeWidth=1.5)
            .encode(y=y, x="low:Q", x2="high:Q")
            .properties(name="interval"),
        )
    return alt.layer(*layers).properties(
        width=PANEL, height=frame.bars_height(shown["group"]), name=name
    )
