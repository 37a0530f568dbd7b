"""How often opportunities leave the sales process, and in which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

STEP = 34
LETTER = 7  # px of one of a panel's name
NUMBERS = (
    ("share", "datum.share", 50),
    ("left", "format(datum.deviated, ',') + ' of ' + format(datum.out_of, ',')", 104),
)


def process_conformance(table: pd.DataFrame) -> alt.VConcatChart:
    """Where do opportunities leave the sales process?

    A row per way of leaving it: the share of those that could have, with its interval. By
    stage, or split into groups, a row per stage or group and a panel per way.

    Parameters
    ----------
    table : as `enablement.process_conformance` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``interval``, ``rate``, ``numbers`` and
        ``none``; in panels without ``numbers``.
    """
    shown = table.assign(
        way=table["deviation"].astype("str").map(theme.wrapped),
        share=table["rate"].map(words.percent),
        none="none could",
    )
    if "stage" in table:
        shown["group"] = table["stage"].astype("str").map(theme.wrapped)
        return _panels(shown, table)
    if table.attrs["groups"]:
        return _panels(frame.named(shown), table)
    return _ways(shown, table)


def _ways(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    numbers = frame.fitted(NUMBERS, shown)
    base = alt.Chart(shown)
    y = alt.Y("way:N", sort=list(shown["way"]), title=None, axis=frame.names_axis(shown["way"]))
    x = frame.share("low:Q", "of those that could have", most=_most(table))
    known = "isValid(datum.rate)"
    layers = [
        *frame.rates(base, y, x, _tooltip("way"), value="rate", out_of="out_of"),
        *frame.columns(base, y, numbers, known=known),
        frame.without(base, y, known=known, word="none"),
    ]
    return frame.finish(
        alt.layer(*layers).properties(
            width=frame.plot_width(numbers), height=frame.height(len(shown), STEP)
        ),
        table,
        shown["way"],
        finding=words.process_conformance(table),
        counted=f"Share that left the process, of those that could have, with its "
        f"{frame.level(table)} interval; larger points, more that could." + _unsaid(table),
        numbers=descriptions.process_conformance(table),
    )


def _panels(shown: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    letters = frame.panel_width(table["deviation"].nunique()) // LETTER
    shown["way"] = table["deviation"].map(lambda way: theme.wrapped(way, letters=letters))
    ways = list(dict.fromkeys(shown["way"]))
    base = alt.Chart()
    y = frame.group_axis(shown["group"])
    most = _most(table)
    x = alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(domain=[0, most]),
        axis=alt.Axis(format=theme.PERCENT, values=[0, 0.5 if most > 0.6 else most // 0.2 * 0.1]),
    )
    known = "isValid(datum.rate)"
    layers = [
        *frame.rates(base, y, x, _tooltip("group"), value="rate", out_of="out_of"),
        frame.without(base, y, known=known, word="none"),
    ]
    height = frame.rows_height(shown["group"])
    return frame.finish(
        frame.panels(layers, shown, field="way", columns=ways, height=height),
        table,
        shown["group"],
        finding=words.process_conformance(table),
        counted=f"Share that left the process, of those that could have, with its "
        f"{frame.level(table)} interval; larger points, more that could." + _unsaid(table),
        numbers=descriptions.process_conformance(table),
    )


def _tooltip(named: str) -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip(f"{named}:N", title="left by" if named == "way" else "group"),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
        alt.Tooltip("deviated:Q", format=","),
        alt.Tooltip("out_of:Q", format=","),
        alt.Tooltip("times:Q", format=","),
    ]


def _most(table: pd.DataFrame) -> float:
    return frame.reaching(table["high"].fillna(table["rate"]), least=0.1)


def _unsaid(table: pd.DataFrame) -> str:
    """Say of each way that the export cannot tell why it cannot."""
    reasons = table.attrs["cannot_say"].items()
    return "".join(f" {way[0].upper()}{way[1:]} cannot be said: {why}" for way, why in reasons)
