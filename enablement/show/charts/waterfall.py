"""What changed in the pipeline: from one day to another, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 24
ROOM = 50  # px of a number at the right of a panel
NARROWEST = 52  # px of a panel: all ten of them still find room
LETTERS = 9  # of the longest word that names a part
LETTER = 7  # px of one of a panel's name
NUMBERS = (
    ("how many", "format(datum.opportunities, ',')", 74),
    ("amount", "datum.said", 78),
)
ENDS = ("opening", "closing")


def pipeline_changes(table: pd.DataFrame) -> alt.VConcatChart:
    """What changed in the pipeline?

    A waterfall: each part begins where the one before it ended, from the opening to the
    closing. What was won and what was lost have their colours. Split into groups, a row per
    group and a panel for every part in which anything happened.

    Parameters
    ----------
    table : as `enablement.pipeline_changes` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``step``, ``bar``, ``none`` and ``numbers``; in
        panels ``bar`` and ``number``.
    """
    currency = table.attrs["currency"]
    shown = table.assign(
        part=table["part"].astype("str"),
        known=table["opportunities"].gt(0) & table["amount"].notna(),
        said=[
            ("+" if amount > 0 and part not in ENDS else "") + words.money(amount, currency)
            for part, amount in zip(table["part"], table["amount"], strict=True)
        ],
        why=["not recorded" if pd.isna(amount) else "none" for amount in table["amount"]],
    )
    if table.attrs["groups"]:
        return _panels(shown, table)
    return _steps(shown, table)


def _steps(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    parts = list(shown["part"])
    y = alt.Y("part:N", sort=parts, title=None, axis=frame.names_axis(shown["part"]))
    levels = shown.loc[shown["part"].ne("closing"), "amount"].fillna(0.0).cumsum()
    x = frame.amount("start:Q", table.attrs["currency"], title="open", reach=frame.extent(levels))
    numbers = frame.fitted(NUMBERS, shown)
    base = (
        alt.Chart(shown)
        .transform_calculate(
            move="datum.part === 'closing' || !isValid(datum.amount) ? 0 : datum.amount"
        )
        .transform_window(level="sum(move)", after="lead(part)", frame=[None, 0])
        .transform_calculate(
            start="datum.part === 'opening' || datum.part === 'closing' ? 0 "
            ": datum.level - datum.move"
        )
    )
    tooltip = [
        alt.Tooltip("part:N"),
        alt.Tooltip("said:N", title="amount"),
        alt.Tooltip("opportunities:Q", format=","),
        alt.Tooltip("without_amount:Q", title="without an amount", format=","),
    ]
    layers = [
        base.transform_filter("isValid(datum.after)")
        .mark_rule(color=theme.MUTED)
        .encode(y=y, y2="after:N", x="level:Q")
        .properties(name="step"),
        base.transform_filter("datum.known")
        .mark_bar(height={"band": 0.7})
        .encode(y=y, x=x, x2="level:Q", color=_coloured(), tooltip=tooltip)
        .properties(name="bar"),
        *frame.columns(base, y, numbers, known="datum.known"),
        base.transform_filter("!datum.known")
        .mark_text(align="right", color=theme.QUIET)
        .encode(y=y, x=alt.value(frame.plot_width(numbers) + 152), text="why:N")
        .properties(name="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.height(len(parts), STEP)
        ),
        table,
        shown["part"],
        finding=words.pipeline_changes(table),
        counted="Open amount; each part begins where the one above it ended." + _unknown(table),
        numbers=descriptions.pipeline_changes(table),
    )


def _panels(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    """Draw how large each part is by the length of a bar; its sign stands in the number."""
    import altair as alt

    shown = frame.named(shown)
    happened = shown.groupby("part")["opportunities"].transform("sum") > 0
    shown = shown[happened] if happened.any() else shown
    parts = [part for part in table["part"].cat.categories if part in set(shown["part"])]
    width = max(NARROWEST, frame.panel_width(len(parts)))
    y = frame.group_axis(shown["group"])
    base = alt.Chart().transform_calculate(size="abs(datum.amount)")
    tooltip = [
        alt.Tooltip("group:N", title=frame.group(table)),
        alt.Tooltip("part:N"),
        alt.Tooltip("said:N", title="amount"),
        alt.Tooltip("opportunities:Q", format=","),
    ]
    reach = frame.extent(shown["amount"].abs())
    scale = alt.Scale(domain=reach, range=[0, max(8, width - ROOM)])
    x = alt.X("size:Q", axis=None, scale=scale)
    layers = [
        base.mark_bar(height={"band": 0.7})
        .encode(y=y, x=x, color=_coloured(), tooltip=tooltip)
        .properties(name="bar"),
        base.transform_filter("datum.known")
        .mark_text(align="right", color=theme.INK, fontSize=11)
        .encode(y=y, x=alt.value(width), text="said:N")
        .properties(name="number"),
    ]
    shown["part"] = shown["part"].map(
        lambda part: theme.wrapped(part, letters=max(LETTERS, width // LETTER))
    )
    height = frame.rows_height(shown["group"])
    return frame.finish(
        frame.panels(
            layers, shown, field="part", columns=list(dict.fromkeys(shown["part"])), height=height
        ),
        table,
        shown["group"],
        finding=words.pipeline_changes(table),
        counted="Open amount, all bars on one scale; what goes out is below zero."
        + _unknown(table),
        numbers=descriptions.pipeline_changes(table),
    )


def _coloured() -> alt.Color:
    """Colour what was won and lost; the ends in ink, all others grey."""
    import altair as alt

    return alt.Color(
        condition=[
            {"test": "datum.part === 'won'", "value": theme.WON},
            {"test": "datum.part === 'lost'", "value": theme.LOST},
            {"test": "datum.part === 'opening' || datum.part === 'closing'", "value": theme.QUIET},
        ],
        value=theme.MUTED,
    )


def _unknown(table: pd.DataFrame) -> str:
    without = int(table["without_amount"].max())
    return f" Up to {without:,} of a part have no amount and add nothing." if without else ""
