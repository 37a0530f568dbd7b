"""Cohorts over time: what was won and lost by each day since the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from enablement.show import descriptions, theme, words
from enablement.show.charts import frame

if TYPE_CHECKING:
    import altair as alt

MOST = 12  # panels; more cannot be compared at a glance
ACROSS = 4
PANEL = (132, 92)  # px of a panel
WHOLE = (theme.WIDTH + 110, 240)  # px of the plot of one cohort
NEARLY = 0.02  # of a share: from where on a curve is as good as level
SURE = 0.90  # of the undecided that must be followed for a line without gaps
STEP: Literal["step-after"] = "step-after"  # a share holds until the next one is known
DIGITS = 4  # of a share; finer than a px
NARROW = 0.06  # of a share: too little room for its name


def cohort_curves(table: pd.DataFrame) -> alt.VConcatChart:
    """How much is won and lost by which day, and what is still open?

    Won grows from below, lost from above, and what is left between them is open. One
    cohort is drawn large, with the intervals; several are panels of one scale, twelve at
    most: of periods the last ones, else those with the most opportunities. A line is
    dashed where more than a tenth of the undecided were not followed so long, and ends where
    half were not; the upright line is the day on which the cohorts are compared.

    Parameters
    ----------
    table : as `enablement.cohort_curves` returns it

    Returns
    -------
    altair.VConcatChart
        The plot over its definition line. Layers ``won area``, ``lost area``, ``won
        estimated``, ``lost estimated``, ``won`` and ``lost``; for one cohort ``won interval``,
        ``lost interval`` and the names of the shares too, in panels ``compared``.
    """
    known = frame.named(table[table["won"].notna()])
    if known.empty:
        return frame.words_alone(
            "no curve can be drawn",
            table,
            width=WHOLE[0],
            finding=words.cohort_curves(table),
            counted=_counted(table),
        )
    if known["group"].nunique() == 1:
        return _one(known, table)
    return _several(known, table)


def _one(known: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    width, height = WHOLE
    shown = _levelled(known, table)
    base, x = _upside_down(alt.Chart(shown)), _days(shown, f"days since {table.attrs['start']}")
    layers = [
        *_areas(base, x),
        *_bands(base, x),
        *_lines(base, x, _tooltip()),
        *_names(base.transform_filter(f"datum.day === {shown['day'].max()}"), width),
    ]
    return frame.finish(
        alt.layer(*layers).properties(width=width, height=height),
        table,
        pd.Series(["100%"]),
        finding=words.cohort_curves(table),
        counted=f"{_counted(table)} Darker bands: {frame.level(table)} intervals.",
        numbers=descriptions.cohort_curves(known),
    )


def _several(known: pd.DataFrame, table: pd.DataFrame) -> alt.VConcatChart:
    import altair as alt

    names = _chosen(known, table)
    chosen = known[known["group"].isin(names)]
    titles = {name: words.cohort(chosen[chosen["group"] == name], table) for name in names}
    shown = _levelled(chosen, table).assign(panel=lambda rows: rows["group"].map(titles))
    base, x = _upside_down(alt.Chart()), _days(shown, None)
    compared = base.transform_filter(f"datum.day === {table.attrs['day']}")
    layers = [
        *_areas(base, x),
        *_lines(base, x, [alt.Tooltip("group:N", title="cohort"), *_tooltip()]),
        compared.mark_rule(color=theme.INK).encode(x=x).properties(name="compared"),
    ]
    width, height = PANEL
    header = alt.Header(
        labelFontSize=11, labelColor=theme.INK, labelFontWeight=400, labelLimit=width + 24
    )
    panels = (
        alt.layer(*layers, data=shown)
        .properties(width=width, height=height)
        .facet(
            facet=alt.Facet("panel:N", sort=list(titles.values()), title=None, header=header),
            columns=ACROSS,
            spacing={"row": 14, "column": 16},
        )
        .resolve_axis(x="independent")
    )
    return frame.finish(
        panels,
        table,
        pd.Series(["100%"]),
        finding=words.cohort_curves(table),
        counted=_counted(table)
        + f" Upright: day {table.attrs['day']}, on which they are compared."
        + _not_drawn(known, names, table),
        numbers=descriptions.cohort_curves(chosen),
    )


def _chosen(known: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Choose the cohorts that have a panel, in the order of the table."""
    begun = known.drop_duplicates("group").set_index("group")["at_risk"]
    if table.attrs["by"] == "period":
        return list(begun.index[-MOST:])
    return list(begun.index[begun.rank(method="first", ascending=False) <= MOST])


def _not_drawn(known: pd.DataFrame, names: list[str], table: pd.DataFrame) -> str:
    more = known["group"].nunique() - len(names)
    which = "earlier" if table.attrs["by"] == "period" else "smaller"
    return f" {more} {which} cohorts are not drawn." if more else ""


def _levelled(known: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the days after which every curve is as good as level."""
    final = known.groupby("group")[["won", "lost"]].transform("last")
    rising = (final - known[["won", "lost"]]).gt(NEARLY).any(axis=1)
    last = known.loc[rising, "day"].max() if rising.any() else 0
    following = known.loc[known["day"] > last, "day"].min()
    end = max(last if pd.isna(following) else following, table.attrs["day"] or 0, 1)
    return known[known["day"] <= end].round(DIGITS)


def _upside_down(base: alt.Chart) -> alt.Chart:
    """Let lost grow from above, so that what is left between it and won is open."""
    return base.transform_calculate(
        over="1 - datum.lost",
        over_low="1 - datum.lost_high",
        over_high="1 - datum.lost_low",
        top="1",
        bottom="0",
    )


def _days(shown: pd.DataFrame, title: str | None) -> alt.X:
    import altair as alt

    return alt.X(
        "day:Q",
        title=title,
        scale=alt.Scale(domain=[0, int(shown["day"].max())], nice=False),
        axis=alt.Axis(tickCount=3 if title is None else 6, tickMinStep=1, format="d", grid=False),
    )


def _height(field: str) -> alt.Y:
    import altair as alt

    axis = alt.Axis(values=[0, 0.5, 1], format=theme.PERCENT, minExtent=36)
    return alt.Y(field, title=None, scale=alt.Scale(domain=[0, 1]), axis=axis)


def _areas(base: alt.Chart, x: alt.X) -> list[alt.Chart]:
    return [
        base.mark_area(color=theme.WON, interpolate=STEP, opacity=theme.WASH)
        .encode(x=x, y=_height("won:Q"), y2="bottom:Q")
        .properties(name="won area"),
        base.mark_area(color=theme.LOST, interpolate=STEP, opacity=theme.WASH)
        .encode(x=x, y=_height("over:Q"), y2="top:Q")
        .properties(name="lost area"),
    ]


def _bands(base: alt.Chart, x: alt.X) -> list[alt.Chart]:
    known = base.transform_filter("isValid(datum.won_low)")
    lost = base.transform_filter("isValid(datum.lost_low)")
    return [
        known.mark_area(color=theme.WON, interpolate=STEP, opacity=theme.BAND)
        .encode(x=x, y=_height("won_low:Q"), y2="won_high:Q")
        .properties(name="won interval"),
        lost.mark_area(color=theme.LOST, interpolate=STEP, opacity=theme.BAND)
        .encode(x=x, y=_height("over_low:Q"), y2="over_high:Q")
        .properties(name="lost interval"),
    ]


def _lines(base: alt.Chart, x: alt.X, tooltip: list[alt.Tooltip]) -> list[alt.Chart]:
    """Draw the curves dashed, and solid over it as far as nearly all were followed."""
    sure = base.transform_filter(f"datum.followed >= {SURE}")
    drawn = []
    for name, field, color in (("won", "won:Q", theme.WON), ("lost", "over:Q", theme.LOST)):
        drawn.append(
            base.mark_line(color=color, interpolate=STEP, strokeWidth=1.5, strokeDash=[3, 3])
            .encode(x=x, y=_height(field))
            .properties(name=f"{name} estimated")
        )
        drawn.append(
            sure.mark_line(color=color, interpolate=STEP, strokeWidth=2)
            .encode(x=x, y=_height(field), tooltip=tooltip)
            .properties(name=name)
        )
    return drawn


def _names(last: alt.Chart, width: int) -> list[alt.Chart]:
    """Write what each part is at the right of its end, where there is room."""
    import altair as alt

    parts = (
        ("won", "datum.won / 2", "datum.won"),
        ("open", "(datum.won + datum.over) / 2", "datum.over - datum.won"),
        ("lost", "(datum.over + 1) / 2", "datum.lost"),
    )
    return [
        last.transform_filter(f"{room} >= {NARROW}")
        .transform_calculate(
            middle=middle, said=f"'{name} ' + format(100 * datum.{name}, '.0f') + ' %'"
        )
        .mark_text(align="left", color=theme.INK)
        .encode(x=alt.value(width + 6), y=_height("middle:Q"), text="said:N")
        .properties(name=f"name of {name}")
        for name, middle, room in parts
    ]


def _counted(table: pd.DataFrame) -> str:
    also = " or cancelled" if table["cancelled"].fillna(0).gt(0).any() else ""
    return (
        f"Share won (blue, from below) and lost (orange, from above) by days since "
        f"{table.attrs['start']}; between them still open{also}. Dashed: more than "
        f"{words.percent(1 - SURE)} of the undecided were not followed so long."
    )


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt

    return [
        alt.Tooltip("day:Q"),
        alt.Tooltip("won:Q", format=".1%"),
        alt.Tooltip("won_low:Q", format=".1%"),
        alt.Tooltip("won_high:Q", format=".1%"),
        alt.Tooltip("lost:Q", format=".1%"),
        alt.Tooltip("open:Q", format=".1%"),
        alt.Tooltip("at_risk:Q", title="undecided and followed so long"),
    ]
